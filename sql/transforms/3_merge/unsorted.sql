-- Purpose: bring amo.unsorted up to the documents that changed.
-- Version: 1
-- Reads:   staging.unsorted
-- Writes:  amo.unsorted
-- Re-run:  safe; a row that has not changed is neither written nor locked.

MERGE INTO amo.unsorted AS stored
USING staging.unsorted AS staged
    ON
        stored.account_id = staged.account_id
        AND stored.uid = staged.uid

WHEN MATCHED AND to_jsonb(stored) - 'changed_at' = to_jsonb(staged) - 'changed_at' THEN
    DO NOTHING

WHEN MATCHED THEN
    UPDATE SET
        source_uid = staged.source_uid,
        source_name = staged.source_name,
        category = staged.category,
        pipeline_id = staged.pipeline_id,
        created_at = staged.created_at,
        metadata = staged.metadata,
        updated_at = staged.updated_at,
        deleted_at = staged.deleted_at,
        changed_at = now()

WHEN NOT MATCHED THEN
    INSERT (
        account_id, uid, source_uid, source_name, category, pipeline_id, created_at,
        metadata, updated_at, deleted_at
    )
    VALUES (
        staged.account_id, staged.uid, staged.source_uid, staged.source_name,
        staged.category, staged.pipeline_id, staged.created_at, staged.metadata,
        staged.updated_at, staged.deleted_at
    );
