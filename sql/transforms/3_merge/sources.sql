-- Purpose: bring amo.sources up to the documents that changed.
-- Version: 1
-- Reads:   staging.sources
-- Writes:  amo.sources
-- Re-run:  safe; a row that has not changed is neither written nor locked.

MERGE INTO amo.sources AS stored
USING staging.sources AS staged
    ON
        stored.account_id = staged.account_id
        AND stored.id = staged.id

WHEN MATCHED AND to_jsonb(stored) - 'changed_at' = to_jsonb(staged) - 'changed_at' THEN
    DO NOTHING

WHEN MATCHED THEN
    UPDATE SET
        name = staged.name,
        pipeline_id = staged.pipeline_id,
        external_id = staged.external_id,
        origin_code = staged.origin_code,
        services = staged.services,
        is_default = staged.is_default,
        updated_at = staged.updated_at,
        deleted_at = staged.deleted_at,
        changed_at = now()

WHEN NOT MATCHED THEN
    INSERT (
        account_id, id, name, pipeline_id, external_id, origin_code, services,
        is_default, updated_at, deleted_at
    )
    VALUES (
        staged.account_id, staged.id, staged.name, staged.pipeline_id,
        staged.external_id, staged.origin_code, staged.services, staged.is_default,
        staged.updated_at, staged.deleted_at
    );
