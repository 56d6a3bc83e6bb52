-- Purpose: bring amo.custom_field_groups up to the documents that changed.
-- Version: 1
-- Reads:   staging.custom_field_groups
-- Writes:  amo.custom_field_groups
-- Re-run:  safe; a row that has not changed is neither written nor locked.

MERGE INTO amo.custom_field_groups AS stored
USING staging.custom_field_groups AS staged
    ON
        stored.account_id = staged.account_id
        AND stored.entity_type = staged.entity_type
        AND stored.catalog_id = staged.catalog_id
        AND stored.id = staged.id

WHEN MATCHED AND to_jsonb(stored) - 'changed_at' = to_jsonb(staged) - 'changed_at' THEN
    DO NOTHING

WHEN MATCHED THEN
    UPDATE SET
        name = staged.name,
        sort = staged.sort,
        type = staged.type,
        is_predefined = staged.is_predefined,
        updated_at = staged.updated_at,
        deleted_at = staged.deleted_at,
        changed_at = now()

WHEN NOT MATCHED THEN
    INSERT (
        account_id, entity_type, catalog_id, id, name, sort, type, is_predefined,
        updated_at, deleted_at
    )
    VALUES (
        staged.account_id, staged.entity_type, staged.catalog_id, staged.id, staged.name,
        staged.sort, staged.type, staged.is_predefined, staged.updated_at,
        staged.deleted_at
    );
