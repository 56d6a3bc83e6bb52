-- Purpose: bring amo.phones up to the documents that changed, as a set per entity.
-- Version: 1
-- Reads:   staging.phones, staging.changes
-- Writes:  amo.phones
-- Re-run:  safe; a row that has not changed is neither written nor locked.

DELETE FROM amo.phones AS stored
USING staging.changes AS change
WHERE
    change.account_id = stored.account_id
    AND change.stream = stored.entity_type
    AND change.entity_id = stored.entity_id
    AND NOT EXISTS (
        SELECT FROM staging.phones AS staged
        WHERE
            staged.account_id = stored.account_id
            AND staged.entity_type = stored.entity_type
            AND staged.entity_id = stored.entity_id
            AND staged.position = stored.position
    );

MERGE INTO amo.phones AS stored
USING staging.phones AS staged
    ON
        stored.account_id = staged.account_id
        AND stored.entity_type = staged.entity_type
        AND stored.entity_id = staged.entity_id
        AND stored.position = staged.position

WHEN MATCHED AND to_jsonb(stored) = to_jsonb(staged) THEN
    DO NOTHING

WHEN MATCHED THEN
    UPDATE SET
        raw = staged.raw,
        e164 = staged.e164,
        extension = staged.extension,
        enum_code = staged.enum_code,
        is_valid = staged.is_valid

WHEN NOT MATCHED THEN
    INSERT (
        account_id, entity_type, entity_id, position, raw, e164, extension, enum_code,
        is_valid
    )
    VALUES (
        staged.account_id, staged.entity_type, staged.entity_id, staged.position,
        staged.raw, staged.e164, staged.extension, staged.enum_code, staged.is_valid
    );
