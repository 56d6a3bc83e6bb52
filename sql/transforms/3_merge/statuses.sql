-- Purpose: bring amo.statuses up to the documents that changed.
-- Version: 1
-- Reads:   staging.statuses, staging.changes
-- Writes:  amo.statuses
-- Re-run:  safe; a row that has not changed is neither written nor locked.

MERGE INTO amo.statuses AS stored
USING staging.statuses AS staged
    ON
        stored.account_id = staged.account_id
        AND stored.pipeline_id = staged.pipeline_id
        AND stored.id = staged.id

WHEN MATCHED AND to_jsonb(stored) - 'changed_at' = to_jsonb(staged) - 'changed_at' THEN
    DO NOTHING

WHEN MATCHED THEN
    UPDATE SET
        name = staged.name,
        sort = staged.sort,
        is_editable = staged.is_editable,
        color = staged.color,
        type = staged.type,
        updated_at = staged.updated_at,
        deleted_at = staged.deleted_at,
        changed_at = now()

WHEN NOT MATCHED THEN
    INSERT (
        account_id, id, pipeline_id, name, sort, is_editable, color, type, updated_at,
        deleted_at
    )
    VALUES (
        staged.account_id, staged.id, staged.pipeline_id, staged.name, staged.sort,
        staged.is_editable, staged.color, staged.type, staged.updated_at,
        staged.deleted_at
    );

-- The document lists all of them: what it lists no longer is gone.
UPDATE amo.statuses AS stored
SET deleted_at = now(), changed_at = now()
FROM staging.changes AS change
WHERE
    stored.deleted_at IS NULL
    AND change.account_id = stored.account_id
    AND change.stream = 'pipelines'
    AND change.entity_id = stored.pipeline_id
    AND NOT EXISTS (
        SELECT FROM staging.statuses AS staged
        WHERE
            staged.account_id = stored.account_id
            AND staged.pipeline_id = stored.pipeline_id
            AND staged.id = stored.id
    );
