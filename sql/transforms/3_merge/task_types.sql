-- Purpose: bring amo.task_types up to the documents that changed.
-- Version: 1
-- Reads:   staging.task_types, staging.changes
-- Writes:  amo.task_types
-- Re-run:  safe; a row that has not changed is neither written nor locked.

MERGE INTO amo.task_types AS stored
USING staging.task_types AS staged
    ON
        stored.account_id = staged.account_id
        AND stored.id = staged.id

WHEN MATCHED AND to_jsonb(stored) - 'changed_at' = to_jsonb(staged) - 'changed_at' THEN
    DO NOTHING

WHEN MATCHED THEN
    UPDATE SET
        name = staged.name,
        color = staged.color,
        icon_id = staged.icon_id,
        code = staged.code,
        updated_at = staged.updated_at,
        deleted_at = staged.deleted_at,
        changed_at = now()

WHEN NOT MATCHED THEN
    INSERT (
        account_id, id, name, color, icon_id, code, updated_at, deleted_at
    )
    VALUES (
        staged.account_id, staged.id, staged.name, staged.color, staged.icon_id,
        staged.code, staged.updated_at, staged.deleted_at
    );

-- The document lists all of them: what it lists no longer is gone.
UPDATE amo.task_types AS stored
SET deleted_at = now(), changed_at = now()
FROM staging.changes AS change
WHERE
    stored.deleted_at IS NULL
    AND change.account_id = stored.account_id
    AND change.stream = 'account'
    AND NOT EXISTS (
        SELECT FROM staging.task_types AS staged
        WHERE
            staged.account_id = stored.account_id
            AND staged.id = stored.id
    );
