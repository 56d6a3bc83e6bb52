-- Purpose: bring amo.loss_reasons up to the documents that changed.
-- Version: 1
-- Reads:   staging.loss_reasons
-- Writes:  amo.loss_reasons
-- Re-run:  safe; a row that has not changed is neither written nor locked.

MERGE INTO amo.loss_reasons AS stored
USING staging.loss_reasons AS staged
    ON
        stored.account_id = staged.account_id
        AND stored.id = staged.id

WHEN MATCHED AND to_jsonb(stored) - 'changed_at' = to_jsonb(staged) - 'changed_at' THEN
    DO NOTHING

WHEN MATCHED THEN
    UPDATE SET
        name = staged.name,
        sort = staged.sort,
        created_at = staged.created_at,
        updated_at = staged.updated_at,
        deleted_at = staged.deleted_at,
        changed_at = now()

WHEN NOT MATCHED THEN
    INSERT (
        account_id, id, name, sort, created_at, updated_at, deleted_at
    )
    VALUES (
        staged.account_id, staged.id, staged.name, staged.sort, staged.created_at,
        staged.updated_at, staged.deleted_at
    );
