-- Purpose: typed rows of task_types from the documents that changed.
-- Version: 1
-- Reads:   staging.changed_documents
-- Writes:  staging.task_types, ops.rejects
-- Re-run:  safe; rebuilt from scratch.

TRUNCATE staging.task_types;

INSERT INTO staging.task_types (
    account_id, id, name, color, icon_id, code, updated_at, deleted_at
)
SELECT DISTINCT ON (document.account_id, task_type.id)
    document.account_id,
    task_type.id,
    task_type.name,
    task_type.color,
    task_type.icon_id,
    task_type.code,
    to_timestamp(task_type.updated_at) AS updated_at,
    document.deleted_at
FROM staging.changed_documents AS document
CROSS JOIN
    LATERAL
    jsonb_path_query(document.doc, '$._embedded.task_types[*] ? (@ != null)')
    WITH ORDINALITY AS item (doc, ordinal)
CROSS JOIN
    LATERAL
    staging.typed(NULL::staging.task_type_json, item.doc, document.stream, document.id)
        AS task_type
WHERE document.stream = 'account' AND task_type.id IS NOT NULL
-- Twice in one list: the later one counts.
ORDER BY
    document.account_id ASC,
    task_type.id ASC,
    item.ordinal DESC;

SELECT staging.reject_without_id(
    '{account}', '$._embedded.task_types[*]', 'a task type without a usable id'
);
