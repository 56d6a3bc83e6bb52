-- Purpose: bring amo.users up to the documents that changed.
-- Version: 1
-- Reads:   staging.users
-- Writes:  amo.users
-- Re-run:  safe; a row that has not changed is neither written nor locked.

MERGE INTO amo.users AS stored
USING staging.users AS staged
    ON
        stored.account_id = staged.account_id
        AND stored.id = staged.id

WHEN MATCHED AND to_jsonb(stored) - 'changed_at' = to_jsonb(staged) - 'changed_at' THEN
    DO NOTHING

WHEN MATCHED THEN
    UPDATE SET
        name = staged.name,
        email = staged.email,
        lang = staged.lang,
        uuid = staged.uuid,
        amojo_id = staged.amojo_id,
        user_rank = staged.user_rank,
        phone_number = staged.phone_number,
        is_admin = staged.is_admin,
        is_free = staged.is_free,
        is_active = staged.is_active,
        mail_access = staged.mail_access,
        catalog_access = staged.catalog_access,
        group_id = staged.group_id,
        role_id = staged.role_id,
        rights = staged.rights,
        updated_at = staged.updated_at,
        deleted_at = staged.deleted_at,
        changed_at = now()

WHEN NOT MATCHED THEN
    INSERT (
        account_id, id, name, email, lang, uuid, amojo_id, user_rank, phone_number,
        is_admin, is_free, is_active, mail_access, catalog_access, group_id, role_id,
        rights, updated_at, deleted_at
    )
    VALUES (
        staged.account_id, staged.id, staged.name, staged.email, staged.lang,
        staged.uuid, staged.amojo_id, staged.user_rank, staged.phone_number,
        staged.is_admin, staged.is_free, staged.is_active, staged.mail_access,
        staged.catalog_access, staged.group_id, staged.role_id, staged.rights,
        staged.updated_at, staged.deleted_at
    );
