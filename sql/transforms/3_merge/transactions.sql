-- Purpose: bring amo.transactions up to the documents that changed.
-- Version: 1
-- Reads:   staging.transactions
-- Writes:  amo.transactions
-- Re-run:  safe; a row that has not changed is neither written nor locked.

MERGE INTO amo.transactions AS stored
USING staging.transactions AS staged
    ON
        stored.account_id = staged.account_id
        AND stored.id = staged.id

WHEN MATCHED AND to_jsonb(stored) - 'changed_at' = to_jsonb(staged) - 'changed_at' THEN
    DO NOTHING

WHEN MATCHED THEN
    UPDATE SET
        price = staged.price,
        comment = staged.comment,
        completed_at = staged.completed_at,
        created_by = staged.created_by,
        updated_by = staged.updated_by,
        created_at = staged.created_at,
        is_deleted = staged.is_deleted,
        customer_id = staged.customer_id,
        updated_at = staged.updated_at,
        deleted_at = staged.deleted_at,
        changed_at = now()

WHEN NOT MATCHED THEN
    INSERT (
        account_id, id, price, comment, completed_at, created_by, updated_by,
        created_at, is_deleted, customer_id, updated_at, deleted_at
    )
    VALUES (
        staged.account_id, staged.id, staged.price, staged.comment, staged.completed_at,
        staged.created_by, staged.updated_by, staged.created_at, staged.is_deleted,
        staged.customer_id, staged.updated_at, staged.deleted_at
    );
