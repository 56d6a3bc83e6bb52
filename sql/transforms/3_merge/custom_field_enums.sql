-- Purpose: bring amo.custom_field_enums up to the documents that changed.
-- Version: 1
-- Reads:   staging.custom_field_enums, staging.changes
-- Writes:  amo.custom_field_enums
-- Re-run:  safe; a row that has not changed is neither written nor locked.

MERGE INTO amo.custom_field_enums AS stored
USING staging.custom_field_enums AS staged
    ON
        stored.account_id = staged.account_id
        AND stored.entity_type = staged.entity_type
        AND stored.field_id = staged.field_id
        AND stored.id = staged.id

WHEN MATCHED AND to_jsonb(stored) - 'changed_at' = to_jsonb(staged) - 'changed_at' THEN
    DO NOTHING

WHEN MATCHED THEN
    UPDATE SET
        value = staged.value,
        sort = staged.sort,
        code = staged.code,
        updated_at = staged.updated_at,
        deleted_at = staged.deleted_at,
        changed_at = now()

WHEN NOT MATCHED THEN
    INSERT (
        account_id, entity_type, field_id, id, value, sort, code, updated_at, deleted_at
    )
    VALUES (
        staged.account_id, staged.entity_type, staged.field_id, staged.id, staged.value,
        staged.sort, staged.code, staged.updated_at, staged.deleted_at
    );

-- The document lists all of them: what it lists no longer is gone.
UPDATE amo.custom_field_enums AS stored
SET deleted_at = now(), changed_at = now()
FROM staging.changes AS change
WHERE
    stored.deleted_at IS NULL
    AND change.account_id = stored.account_id
    AND change.stream = stored.entity_type || '_custom_fields'
    AND change.entity_id = stored.field_id
    AND NOT EXISTS (
        SELECT FROM staging.custom_field_enums AS staged
        WHERE
            staged.account_id = stored.account_id
            AND staged.entity_type = stored.entity_type
            AND staged.field_id = stored.field_id
            AND staged.id = stored.id
    );
