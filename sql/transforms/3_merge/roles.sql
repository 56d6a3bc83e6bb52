-- Purpose: bring amo.roles up to the documents that changed.
-- Version: 1
-- Reads:   staging.roles
-- Writes:  amo.roles
-- Re-run:  safe; a row that has not changed is neither written nor locked.

MERGE INTO amo.roles AS stored
USING staging.roles AS staged
    ON
        stored.account_id = staged.account_id
        AND stored.id = staged.id

WHEN MATCHED AND to_jsonb(stored) - 'changed_at' = to_jsonb(staged) - 'changed_at' THEN
    DO NOTHING

WHEN MATCHED THEN
    UPDATE SET
        name = staged.name,
        rights = staged.rights,
        user_ids = staged.user_ids,
        updated_at = staged.updated_at,
        deleted_at = staged.deleted_at,
        changed_at = now()

WHEN NOT MATCHED THEN
    INSERT (
        account_id, id, name, rights, user_ids, updated_at, deleted_at
    )
    VALUES (
        staged.account_id, staged.id, staged.name, staged.rights, staged.user_ids,
        staged.updated_at, staged.deleted_at
    );
