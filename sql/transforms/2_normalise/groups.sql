-- Purpose: typed rows of groups from the documents that changed.
-- Version: 1
-- Reads:   staging.changes, amo.documents
-- Writes:  staging.groups, ops.rejects
-- Re-run:  safe; rebuilt from scratch.

TRUNCATE staging.groups;

INSERT INTO staging.groups (
    account_id, id, name, uuid, updated_at, deleted_at
)
SELECT DISTINCT ON (change.account_id, group_row.id)
    change.account_id,
    group_row.id,
    group_row.name,
    group_row.uuid,
    to_timestamp(group_row.updated_at) AS updated_at,
    document.deleted_at
FROM staging.changes AS change
INNER JOIN amo.documents AS document
    ON
        change.account_id = document.account_id
        AND change.stream = document.stream
        AND change.id = document.id
CROSS JOIN
    LATERAL
    jsonb_path_query(document.doc, '$._embedded.users_groups[*] ? (@ != null)')
    WITH ORDINALITY AS item (doc, ordinal)
CROSS JOIN
    LATERAL
    staging.typed(NULL::staging.group_json, item.doc, change.stream, change.id)
        AS group_row
WHERE change.stream = 'account' AND group_row.id IS NOT NULL
-- Twice in one list: the later one counts.
ORDER BY
    change.account_id ASC,
    group_row.id ASC,
    item.ordinal DESC;
