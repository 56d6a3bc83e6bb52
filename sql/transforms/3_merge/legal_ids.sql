-- Purpose: bring amo.legal_ids up to the documents that changed, as a set per entity.
-- Version: 1
-- Reads:   staging.legal_ids, staging.changes
-- Writes:  amo.legal_ids
-- Re-run:  safe; a row that has not changed is neither written nor locked.

DELETE FROM amo.legal_ids AS stored
USING staging.changes AS change
WHERE
    change.account_id = stored.account_id
    AND change.stream = stored.entity_type
    AND change.entity_id = stored.entity_id
    AND NOT EXISTS (
        SELECT FROM staging.legal_ids AS staged
        WHERE
            staged.account_id = stored.account_id
            AND staged.entity_type = stored.entity_type
            AND staged.entity_id = stored.entity_id
            AND staged.position = stored.position
    );

MERGE INTO amo.legal_ids AS stored
USING staging.legal_ids AS staged
    ON
        stored.account_id = staged.account_id
        AND stored.entity_type = staged.entity_type
        AND stored.entity_id = staged.entity_id
        AND stored.position = staged.position

WHEN MATCHED AND to_jsonb(stored) = to_jsonb(staged) THEN
    DO NOTHING

WHEN MATCHED THEN
    UPDATE SET
        kind = staged.kind,
        raw = staged.raw,
        value = staged.value,
        is_valid = staged.is_valid

WHEN NOT MATCHED THEN
    INSERT (
        account_id, entity_type, entity_id, position, kind, raw, value, is_valid
    )
    VALUES (
        staged.account_id, staged.entity_type, staged.entity_id, staged.position,
        staged.kind, staged.raw, staged.value, staged.is_valid
    );
