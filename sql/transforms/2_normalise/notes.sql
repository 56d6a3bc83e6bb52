-- Purpose: typed rows of notes from the documents that changed.
-- Version: 1
-- Reads:   staging.changed_documents, ops.streams
-- Writes:  staging.notes, ops.rejects
-- Re-run:  safe; rebuilt from scratch.

TRUNCATE staging.notes;

INSERT INTO staging.notes (
    account_id, entity_type, id, entity_id, note_type, params, responsible_user_id,
    group_id, created_by, updated_by, created_at, is_pinned, text, updated_at,
    deleted_at
)
SELECT
    document.account_id,
    stream.entity_type,
    note.id,
    note.entity_id,
    note.note_type,
    note.params,
    note.responsible_user_id,
    note.group_id,
    note.created_by,
    note.updated_by,
    to_timestamp(note.created_at) AS created_at,
    note.is_pinned,
    document.doc #>> '{params,text}' AS text,
    to_timestamp(note.updated_at) AS updated_at,
    document.deleted_at
FROM staging.changed_documents AS document
INNER JOIN ops.streams AS stream
    ON document.stream = stream.name
CROSS JOIN
    LATERAL
    staging.typed(NULL::staging.note_json, document.doc, document.stream, document.id)
        AS note
WHERE stream.entity = 'notes' AND note.id IS NOT NULL;
