-- Purpose: bring amo.entity_tags up to the documents that changed, as a set per entity.
-- Version: 1
-- Reads:   staging.entity_tags, staging.changes
-- Writes:  amo.entity_tags
-- Re-run:  safe; a row that has not changed is neither written nor locked.

DELETE FROM amo.entity_tags AS stored
USING staging.changes AS change
WHERE
    change.account_id = stored.account_id
    AND change.stream = stored.entity_type
    AND change.entity_id = stored.entity_id
    AND NOT EXISTS (
        SELECT FROM staging.entity_tags AS staged
        WHERE
            staged.account_id = stored.account_id
            AND staged.entity_type = stored.entity_type
            AND staged.entity_id = stored.entity_id
            AND staged.tag_id = stored.tag_id
    );

MERGE INTO amo.entity_tags AS stored
USING staging.entity_tags AS staged
    ON
        stored.account_id = staged.account_id
        AND stored.entity_type = staged.entity_type
        AND stored.entity_id = staged.entity_id
        AND stored.tag_id = staged.tag_id

WHEN MATCHED THEN
    DO NOTHING

WHEN NOT MATCHED THEN
    INSERT (
        account_id, entity_type, entity_id, tag_id
    )
    VALUES (
        staged.account_id, staged.entity_type, staged.entity_id, staged.tag_id
    );
