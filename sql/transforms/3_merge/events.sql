-- Purpose: bring amo.events up to the documents that changed.
-- Version: 1
-- Reads:   staging.events
-- Writes:  amo.events
-- Re-run:  safe; a row that has not changed is neither written nor locked.

MERGE INTO amo.events AS stored
USING staging.events AS staged
    ON
        stored.account_id = staged.account_id
        AND stored.id = staged.id

WHEN MATCHED AND to_jsonb(stored) - 'changed_at' = to_jsonb(staged) - 'changed_at' THEN
    DO NOTHING

WHEN MATCHED THEN
    UPDATE SET
        entity_type = staged.entity_type,
        type = staged.type,
        entity_id = staged.entity_id,
        created_by = staged.created_by,
        created_at = staged.created_at,
        value_after = staged.value_after,
        value_before = staged.value_before,
        updated_at = staged.updated_at,
        deleted_at = staged.deleted_at,
        changed_at = now()

WHEN NOT MATCHED THEN
    INSERT (
        account_id, entity_type, id, type, entity_id, created_by, created_at,
        value_after, value_before, updated_at, deleted_at
    )
    VALUES (
        staged.account_id, staged.entity_type, staged.id, staged.type, staged.entity_id,
        staged.created_by, staged.created_at, staged.value_after, staged.value_before,
        staged.updated_at, staged.deleted_at
    );
