-- Purpose: bring amo.segments up to the documents that changed.
-- Version: 1
-- Reads:   staging.segments
-- Writes:  amo.segments
-- Re-run:  safe; a row that has not changed is neither written nor locked.

MERGE INTO amo.segments AS stored
USING staging.segments AS staged
    ON
        stored.account_id = staged.account_id
        AND stored.id = staged.id

WHEN MATCHED AND to_jsonb(stored) - 'changed_at' = to_jsonb(staged) - 'changed_at' THEN
    DO NOTHING

WHEN MATCHED THEN
    UPDATE SET
        name = staged.name,
        color = staged.color,
        customers_count = staged.customers_count,
        available_products_price_types = staged.available_products_price_types,
        created_at = staged.created_at,
        updated_at = staged.updated_at,
        deleted_at = staged.deleted_at,
        changed_at = now()

WHEN NOT MATCHED THEN
    INSERT (
        account_id, id, name, color, customers_count, available_products_price_types,
        created_at, updated_at, deleted_at
    )
    VALUES (
        staged.account_id, staged.id, staged.name, staged.color, staged.customers_count,
        staged.available_products_price_types, staged.created_at, staged.updated_at,
        staged.deleted_at
    );
