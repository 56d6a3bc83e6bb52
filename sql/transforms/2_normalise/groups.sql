-- Purpose: typed rows of groups from the documents that changed.
-- Version: 1
-- Reads:   staging.changed_documents
-- Writes:  staging.groups, ops.rejects
-- Re-run:  safe; rebuilt from scratch.

TRUNCATE staging.groups;

INSERT INTO staging.groups (
    account_id, id, name, uuid, updated_at, deleted_at
)
SELECT DISTINCT ON (document.account_id, group_row.id)
    document.account_id,
    group_row.id,
    group_row.name,
    group_row.uuid,
    to_timestamp(group_row.updated_at) AS updated_at,
    document.deleted_at
FROM staging.changed_documents AS document
CROSS JOIN
    LATERAL
    jsonb_path_query(document.doc, '$._embedded.users_groups[*] ? (@ != null)')
    WITH ORDINALITY AS item (doc, ordinal)
CROSS JOIN
    LATERAL
    staging.typed(NULL::staging.group_json, item.doc, document.stream, document.id)
        AS group_row
WHERE document.stream = 'account' AND group_row.id IS NOT NULL
-- Twice in one list: the later one counts.
ORDER BY
    document.account_id ASC,
    group_row.id ASC,
    item.ordinal DESC;

SELECT staging.reject_without_id(
    '{account}', '$._embedded.users_groups[*]', 'a group without a usable id'
);
