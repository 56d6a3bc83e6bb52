-- Purpose: bring amo.customer_statuses up to the documents that changed.
-- Version: 1
-- Reads:   staging.customer_statuses
-- Writes:  amo.customer_statuses
-- Re-run:  safe; a row that has not changed is neither written nor locked.

MERGE INTO amo.customer_statuses AS stored
USING staging.customer_statuses AS staged
    ON
        stored.account_id = staged.account_id
        AND stored.id = staged.id

WHEN MATCHED AND to_jsonb(stored) - 'changed_at' = to_jsonb(staged) - 'changed_at' THEN
    DO NOTHING

WHEN MATCHED THEN
    UPDATE SET
        name = staged.name,
        sort = staged.sort,
        is_default = staged.is_default,
        color = staged.color,
        type = staged.type,
        conditions = staged.conditions,
        updated_at = staged.updated_at,
        deleted_at = staged.deleted_at,
        changed_at = now()

WHEN NOT MATCHED THEN
    INSERT (
        account_id, id, name, sort, is_default, color, type, conditions, updated_at,
        deleted_at
    )
    VALUES (
        staged.account_id, staged.id, staged.name, staged.sort, staged.is_default,
        staged.color, staged.type, staged.conditions, staged.updated_at,
        staged.deleted_at
    );
