-- Purpose: bring amo.pipelines up to the documents that changed.
-- Version: 1
-- Reads:   staging.pipelines
-- Writes:  amo.pipelines
-- Re-run:  safe; a row that has not changed is neither written nor locked.

MERGE INTO amo.pipelines AS stored
USING staging.pipelines AS staged
    ON
        stored.account_id = staged.account_id
        AND stored.id = staged.id

WHEN MATCHED AND to_jsonb(stored) - 'changed_at' = to_jsonb(staged) - 'changed_at' THEN
    DO NOTHING

WHEN MATCHED THEN
    UPDATE SET
        name = staged.name,
        sort = staged.sort,
        is_main = staged.is_main,
        is_unsorted_on = staged.is_unsorted_on,
        is_archive = staged.is_archive,
        updated_at = staged.updated_at,
        deleted_at = staged.deleted_at,
        changed_at = now()

WHEN NOT MATCHED THEN
    INSERT (
        account_id, id, name, sort, is_main, is_unsorted_on, is_archive, updated_at,
        deleted_at
    )
    VALUES (
        staged.account_id, staged.id, staged.name, staged.sort, staged.is_main,
        staged.is_unsorted_on, staged.is_archive, staged.updated_at, staged.deleted_at
    );
