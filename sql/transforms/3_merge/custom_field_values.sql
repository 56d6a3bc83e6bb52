-- Purpose: bring amo.custom_field_values up to the documents that changed, as a set per entity.
-- Version: 1
-- Reads:   staging.custom_field_values, staging.changes
-- Writes:  amo.custom_field_values
-- Re-run:  safe; a row that has not changed is neither written nor locked.

DELETE FROM amo.custom_field_values AS stored
USING staging.changes AS change
WHERE
    change.account_id = stored.account_id
    AND change.stream = stored.entity_type
    AND change.entity_id = stored.entity_id
    AND NOT EXISTS (
        SELECT FROM staging.custom_field_values AS staged
        WHERE
            staged.account_id = stored.account_id
            AND staged.entity_type = stored.entity_type
            AND staged.entity_id = stored.entity_id
            AND staged.field_id = stored.field_id
            AND staged.position = stored.position
    );

MERGE INTO amo.custom_field_values AS stored
USING staging.custom_field_values AS staged
    ON
        stored.account_id = staged.account_id
        AND stored.entity_type = staged.entity_type
        AND stored.entity_id = staged.entity_id
        AND stored.field_id = staged.field_id
        AND stored.position = staged.position

WHEN MATCHED AND to_jsonb(stored) = to_jsonb(staged) - 'field_type' THEN
    DO NOTHING

WHEN MATCHED THEN
    UPDATE SET
        value = staged.value,
        value_numeric = staged.value_numeric,
        value_timestamp = staged.value_timestamp,
        value_boolean = staged.value_boolean,
        value_json = staged.value_json,
        enum_id = staged.enum_id,
        enum_code = staged.enum_code

WHEN NOT MATCHED THEN
    INSERT (
        account_id, entity_type, entity_id, field_id, position, value, value_numeric,
        value_timestamp, value_boolean, value_json, enum_id, enum_code
    )
    VALUES (
        staged.account_id, staged.entity_type, staged.entity_id, staged.field_id,
        staged.position, staged.value, staged.value_numeric, staged.value_timestamp,
        staged.value_boolean, staged.value_json, staged.enum_id, staged.enum_code
    );
