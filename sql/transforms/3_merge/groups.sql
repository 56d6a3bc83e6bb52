-- Purpose: bring amo.groups up to the documents that changed.
-- Version: 1
-- Reads:   staging.groups, staging.changes
-- Writes:  amo.groups
-- Re-run:  safe; a row that has not changed is neither written nor locked.

MERGE INTO amo.groups AS stored
USING staging.groups AS staged
    ON
        stored.account_id = staged.account_id
        AND stored.id = staged.id

WHEN MATCHED AND to_jsonb(stored) - 'changed_at' = to_jsonb(staged) - 'changed_at' THEN
    DO NOTHING

WHEN MATCHED THEN
    UPDATE SET
        name = staged.name,
        uuid = staged.uuid,
        updated_at = staged.updated_at,
        deleted_at = staged.deleted_at,
        changed_at = now()

WHEN NOT MATCHED THEN
    INSERT (
        account_id, id, name, uuid, updated_at, deleted_at
    )
    VALUES (
        staged.account_id, staged.id, staged.name, staged.uuid, staged.updated_at,
        staged.deleted_at
    );

-- The document lists all of them: what it lists no longer is gone.
UPDATE amo.groups AS stored
SET deleted_at = now(), changed_at = now()
FROM staging.changes AS change
WHERE
    stored.deleted_at IS NULL
    AND change.account_id = stored.account_id
    AND change.stream = 'account'
    AND NOT EXISTS (
        SELECT FROM staging.groups AS staged
        WHERE
            staged.account_id = stored.account_id
            AND staged.id = stored.id
    );
