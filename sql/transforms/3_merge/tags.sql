-- Purpose: bring amo.tags up to the documents that changed.
-- Version: 1
-- Reads:   staging.tags
-- Writes:  amo.tags
-- Re-run:  safe; a row that has not changed is neither written nor locked.

MERGE INTO amo.tags AS stored
USING staging.tags AS staged
    ON
        stored.account_id = staged.account_id
        AND stored.entity_type = staged.entity_type
        AND stored.id = staged.id

WHEN MATCHED AND to_jsonb(stored) - 'changed_at' = to_jsonb(staged) - 'changed_at' THEN
    DO NOTHING

WHEN MATCHED THEN
    UPDATE SET
        name = staged.name,
        color = staged.color,
        updated_at = staged.updated_at,
        deleted_at = staged.deleted_at,
        changed_at = now()

WHEN NOT MATCHED THEN
    INSERT (
        account_id, entity_type, id, name, color, updated_at, deleted_at
    )
    VALUES (
        staged.account_id, staged.entity_type, staged.id, staged.name, staged.color,
        staged.updated_at, staged.deleted_at
    );
