-- Purpose: typed rows of roles from the documents that changed.
-- Version: 1
-- Reads:   staging.changed_documents
-- Writes:  staging.roles, ops.rejects
-- Re-run:  safe; rebuilt from scratch.

TRUNCATE staging.roles;

INSERT INTO staging.roles (
    account_id, id, name, rights, user_ids, updated_at, deleted_at
)
SELECT
    document.account_id,
    role_row.id,
    role_row.name,
    role_row.rights,
    document.doc #> '{_embedded,users}' AS user_ids,
    to_timestamp(role_row.updated_at) AS updated_at,
    document.deleted_at
FROM staging.changed_documents AS document
CROSS JOIN
    LATERAL
    staging.typed(NULL::staging.role_json, document.doc, document.stream, document.id)
        AS role_row
WHERE document.stream = 'roles' AND role_row.id IS NOT NULL;
