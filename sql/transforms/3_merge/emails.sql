-- Purpose: bring amo.emails up to the documents that changed, as a set per entity.
-- Version: 1
-- Reads:   staging.emails, staging.changes
-- Writes:  amo.emails
-- Re-run:  safe; a row that has not changed is neither written nor locked.

DELETE FROM amo.emails AS stored
USING staging.changes AS change
WHERE
    change.account_id = stored.account_id
    AND change.stream = stored.entity_type
    AND change.entity_id = stored.entity_id
    AND NOT EXISTS (
        SELECT FROM staging.emails AS staged
        WHERE
            staged.account_id = stored.account_id
            AND staged.entity_type = stored.entity_type
            AND staged.entity_id = stored.entity_id
            AND staged.position = stored.position
    );

MERGE INTO amo.emails AS stored
USING staging.emails AS staged
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
        email = staged.email,
        enum_code = staged.enum_code,
        is_valid = staged.is_valid

WHEN NOT MATCHED THEN
    INSERT (
        account_id, entity_type, entity_id, position, raw, email, enum_code, is_valid
    )
    VALUES (
        staged.account_id, staged.entity_type, staged.entity_id, staged.position,
        staged.raw, staged.email, staged.enum_code, staged.is_valid
    );
