-- Purpose: bring amo.webhooks up to the documents that changed.
-- Version: 1
-- Reads:   staging.webhooks
-- Writes:  amo.webhooks
-- Re-run:  safe; a row that has not changed is neither written nor locked.

MERGE INTO amo.webhooks AS stored
USING staging.webhooks AS staged
    ON
        stored.account_id = staged.account_id
        AND stored.id = staged.id

WHEN MATCHED AND to_jsonb(stored) - 'changed_at' = to_jsonb(staged) - 'changed_at' THEN
    DO NOTHING

WHEN MATCHED THEN
    UPDATE SET
        destination = staged.destination,
        sort = staged.sort,
        disabled = staged.disabled,
        settings = staged.settings,
        created_by = staged.created_by,
        created_at = staged.created_at,
        updated_at = staged.updated_at,
        deleted_at = staged.deleted_at,
        changed_at = now()

WHEN NOT MATCHED THEN
    INSERT (
        account_id, id, destination, sort, disabled, settings, created_by, created_at,
        updated_at, deleted_at
    )
    VALUES (
        staged.account_id, staged.id, staged.destination, staged.sort, staged.disabled,
        staged.settings, staged.created_by, staged.created_at, staged.updated_at,
        staged.deleted_at
    );
