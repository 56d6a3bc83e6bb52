-- Purpose: bring amo.links up to the documents that changed, as a set per entity.
-- Version: 1
-- Reads:   staging.links, staging.changes
-- Writes:  amo.links
-- Re-run:  safe; a row that has not changed is neither written nor locked.

DELETE FROM amo.links AS stored
USING staging.changes AS change
WHERE
    change.account_id = stored.account_id
    AND change.stream = stored.entity_type
    AND change.entity_id = stored.entity_id
    AND NOT EXISTS (
        SELECT FROM staging.links AS staged
        WHERE
            staged.account_id = stored.account_id
            AND staged.entity_type = stored.entity_type
            AND staged.entity_id = stored.entity_id
            AND staged.to_entity_type = stored.to_entity_type
            AND staged.to_entity_id = stored.to_entity_id
    );

MERGE INTO amo.links AS stored
USING staging.links AS staged
    ON
        stored.account_id = staged.account_id
        AND stored.entity_type = staged.entity_type
        AND stored.entity_id = staged.entity_id
        AND stored.to_entity_type = staged.to_entity_type
        AND stored.to_entity_id = staged.to_entity_id

WHEN MATCHED AND to_jsonb(stored) = to_jsonb(staged) THEN
    DO NOTHING

WHEN MATCHED THEN
    UPDATE SET
        is_main = staged.is_main,
        catalog_id = staged.catalog_id,
        quantity = staged.quantity,
        price_id = staged.price_id

WHEN NOT MATCHED THEN
    INSERT (
        account_id, entity_type, entity_id, to_entity_type, to_entity_id, is_main,
        catalog_id, quantity, price_id
    )
    VALUES (
        staged.account_id, staged.entity_type, staged.entity_id, staged.to_entity_type,
        staged.to_entity_id, staged.is_main, staged.catalog_id, staged.quantity,
        staged.price_id
    );
