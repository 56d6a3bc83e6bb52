-- Purpose: bring amo.customers up to the documents that changed.
-- Version: 1
-- Reads:   staging.customers
-- Writes:  amo.customers
-- Re-run:  safe; a row that has not changed is neither written nor locked.

MERGE INTO amo.customers AS stored
USING staging.customers AS staged
    ON
        stored.account_id = staged.account_id
        AND stored.id = staged.id

WHEN MATCHED AND to_jsonb(stored) - 'changed_at' = to_jsonb(staged) - 'changed_at' THEN
    DO NOTHING

WHEN MATCHED THEN
    UPDATE SET
        name = staged.name,
        next_price = staged.next_price,
        next_date = staged.next_date,
        responsible_user_id = staged.responsible_user_id,
        group_id = staged.group_id,
        status_id = staged.status_id,
        periodicity = staged.periodicity,
        created_by = staged.created_by,
        updated_by = staged.updated_by,
        created_at = staged.created_at,
        closest_task_at = staged.closest_task_at,
        is_deleted = staged.is_deleted,
        ltv = staged.ltv,
        purchases_count = staged.purchases_count,
        average_check = staged.average_check,
        updated_at = staged.updated_at,
        deleted_at = staged.deleted_at,
        changed_at = now()

WHEN NOT MATCHED THEN
    INSERT (
        account_id, id, name, next_price, next_date, responsible_user_id, group_id,
        status_id, periodicity, created_by, updated_by, created_at, closest_task_at,
        is_deleted, ltv, purchases_count, average_check, updated_at, deleted_at
    )
    VALUES (
        staged.account_id, staged.id, staged.name, staged.next_price, staged.next_date,
        staged.responsible_user_id, staged.group_id, staged.status_id,
        staged.periodicity, staged.created_by, staged.updated_by, staged.created_at,
        staged.closest_task_at, staged.is_deleted, staged.ltv, staged.purchases_count,
        staged.average_check, staged.updated_at, staged.deleted_at
    );
