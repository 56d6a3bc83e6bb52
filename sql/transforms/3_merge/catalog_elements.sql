-- Purpose: bring amo.catalog_elements up to the documents that changed.
-- Version: 1
-- Reads:   staging.catalog_elements
-- Writes:  amo.catalog_elements
-- Re-run:  safe; a row that has not changed is neither written nor locked.

MERGE INTO amo.catalog_elements AS stored
USING staging.catalog_elements AS staged
    ON
        stored.account_id = staged.account_id
        AND stored.id = staged.id

WHEN MATCHED AND to_jsonb(stored) - 'changed_at' = to_jsonb(staged) - 'changed_at' THEN
    DO NOTHING

WHEN MATCHED THEN
    UPDATE SET
        catalog_id = staged.catalog_id,
        name = staged.name,
        created_by = staged.created_by,
        updated_by = staged.updated_by,
        created_at = staged.created_at,
        is_deleted = staged.is_deleted,
        invoice_link = staged.invoice_link,
        currency_id = staged.currency_id,
        updated_at = staged.updated_at,
        deleted_at = staged.deleted_at,
        changed_at = now()

WHEN NOT MATCHED THEN
    INSERT (
        account_id, id, catalog_id, name, created_by, updated_by, created_at,
        is_deleted, invoice_link, currency_id, updated_at, deleted_at
    )
    VALUES (
        staged.account_id, staged.id, staged.catalog_id, staged.name, staged.created_by,
        staged.updated_by, staged.created_at, staged.is_deleted, staged.invoice_link,
        staged.currency_id, staged.updated_at, staged.deleted_at
    );
