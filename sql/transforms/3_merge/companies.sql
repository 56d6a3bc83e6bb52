-- Purpose: bring amo.companies up to the documents that changed.
-- Version: 1
-- Reads:   staging.companies
-- Writes:  amo.companies
-- Re-run:  safe; a row that has not changed is neither written nor locked.

MERGE INTO amo.companies AS stored
USING staging.companies AS staged
    ON
        stored.account_id = staged.account_id
        AND stored.id = staged.id

WHEN MATCHED AND to_jsonb(stored) - 'changed_at' = to_jsonb(staged) - 'changed_at' THEN
    DO NOTHING

WHEN MATCHED THEN
    UPDATE SET
        name = staged.name,
        responsible_user_id = staged.responsible_user_id,
        group_id = staged.group_id,
        created_by = staged.created_by,
        updated_by = staged.updated_by,
        created_at = staged.created_at,
        closest_task_at = staged.closest_task_at,
        is_deleted = staged.is_deleted,
        updated_at = staged.updated_at,
        deleted_at = staged.deleted_at,
        changed_at = now()

WHEN NOT MATCHED THEN
    INSERT (
        account_id, id, name, responsible_user_id, group_id, created_by, updated_by,
        created_at, closest_task_at, is_deleted, updated_at, deleted_at
    )
    VALUES (
        staged.account_id, staged.id, staged.name, staged.responsible_user_id,
        staged.group_id, staged.created_by, staged.updated_by, staged.created_at,
        staged.closest_task_at, staged.is_deleted, staged.updated_at, staged.deleted_at
    );
