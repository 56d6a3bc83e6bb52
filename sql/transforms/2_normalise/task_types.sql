-- Purpose: typed rows of task_types from the documents that changed.
-- Version: 1
-- Reads:   staging.changes, amo.documents
-- Writes:  staging.task_types, ops.rejects
-- Re-run:  safe; rebuilt from scratch.

TRUNCATE staging.task_types;

INSERT INTO staging.task_types (
    account_id, id, name, color, icon_id, code, updated_at, deleted_at
)
SELECT DISTINCT ON (change.account_id, task_type.id)
    change.account_id,
    task_type.id,
    task_type.name,
    task_type.color,
    task_type.icon_id,
    task_type.code,
    to_timestamp(task_type.updated_at) AS updated_at,
    document.deleted_at
FROM staging.changes AS change
INNER JOIN amo.documents AS document
    ON
        change.account_id = document.account_id
        AND change.stream = document.stream
        AND change.id = document.id
CROSS JOIN
    LATERAL
    jsonb_path_query(document.doc, '$._embedded.task_types[*] ? (@ != null)')
    WITH ORDINALITY AS item (doc, ordinal)
CROSS JOIN
    LATERAL
    staging.typed(NULL::staging.task_type_json, item.doc, change.stream, change.id)
        AS task_type
WHERE change.stream = 'account' AND task_type.id IS NOT NULL
-- Twice in one list: the later one counts.
ORDER BY
    change.account_id ASC,
    task_type.id ASC,
    item.ordinal DESC;
