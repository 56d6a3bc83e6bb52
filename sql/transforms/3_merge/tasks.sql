-- Purpose: bring amo.tasks up to the documents that changed.
-- Version: 1
-- Reads:   staging.tasks
-- Writes:  amo.tasks
-- Re-run:  safe; a row that has not changed is neither written nor locked.

MERGE INTO amo.tasks AS stored
USING staging.tasks AS staged
    ON
        stored.account_id = staged.account_id
        AND stored.id = staged.id

WHEN MATCHED AND to_jsonb(stored) - 'changed_at' = to_jsonb(staged) - 'changed_at' THEN
    DO NOTHING

WHEN MATCHED THEN
    UPDATE SET
        entity_id = staged.entity_id,
        entity_type = staged.entity_type,
        responsible_user_id = staged.responsible_user_id,
        group_id = staged.group_id,
        task_type_id = staged.task_type_id,
        text = staged.text,
        is_completed = staged.is_completed,
        duration = staged.duration,
        complete_till = staged.complete_till,
        created_by = staged.created_by,
        updated_by = staged.updated_by,
        created_at = staged.created_at,
        result = staged.result,
        updated_at = staged.updated_at,
        deleted_at = staged.deleted_at,
        changed_at = now()

WHEN NOT MATCHED THEN
    INSERT (
        account_id, id, entity_id, entity_type, responsible_user_id, group_id,
        task_type_id, text, is_completed, duration, complete_till, created_by,
        updated_by, created_at, result, updated_at, deleted_at
    )
    VALUES (
        staged.account_id, staged.id, staged.entity_id, staged.entity_type,
        staged.responsible_user_id, staged.group_id, staged.task_type_id, staged.text,
        staged.is_completed, staged.duration, staged.complete_till, staged.created_by,
        staged.updated_by, staged.created_at, staged.result, staged.updated_at,
        staged.deleted_at
    );
