-- Purpose: typed rows of users from the documents that changed.
-- Version: 1
-- Reads:   staging.changed_documents
-- Writes:  staging.users, ops.rejects
-- Re-run:  safe; rebuilt from scratch.

TRUNCATE staging.users;

INSERT INTO staging.users (
    account_id, id, name, email, lang, uuid, amojo_id, user_rank, phone_number,
    is_admin, is_free, is_active, mail_access, catalog_access, group_id, role_id,
    rights, updated_at, deleted_at
)
SELECT
    document.account_id,
    user_row.id,
    user_row.name,
    user_row.email,
    user_row.lang,
    user_row.uuid,
    user_row.amojo_id,
    user_row.user_rank,
    user_row.phone_number,
    rights.is_admin,
    rights.is_free,
    rights.is_active,
    rights.mail_access,
    rights.catalog_access,
    rights.group_id,
    rights.role_id,
    document.doc -> 'rights' AS rights,
    to_timestamp(user_row.updated_at) AS updated_at,
    document.deleted_at
FROM staging.changed_documents AS document
CROSS JOIN
    LATERAL
    staging.typed(NULL::staging.user_json, document.doc, document.stream, document.id)
        AS user_row
CROSS JOIN
    LATERAL
    staging.typed(
        NULL::staging.user_rights_json,
        coalesce(nullif(document.doc -> 'rights', 'null'), '{}'),
        document.stream, document.id
    ) AS rights
WHERE document.stream = 'users' AND user_row.id IS NOT NULL;
