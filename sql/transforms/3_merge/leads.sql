-- Purpose: bring amo.leads up to the documents that changed.
-- Version: 1
-- Reads:   staging.leads
-- Writes:  amo.leads
-- Re-run:  safe; a row that has not changed is neither written nor locked.

MERGE INTO amo.leads AS stored
USING staging.leads AS staged
    ON
        stored.account_id = staged.account_id
        AND stored.id = staged.id

WHEN MATCHED AND to_jsonb(stored) - 'changed_at' = to_jsonb(staged) - 'changed_at' THEN
    DO NOTHING

WHEN MATCHED THEN
    UPDATE SET
        name = staged.name,
        price = staged.price,
        price_with_minor_units = staged.price_with_minor_units,
        responsible_user_id = staged.responsible_user_id,
        group_id = staged.group_id,
        pipeline_id = staged.pipeline_id,
        status_id = staged.status_id,
        loss_reason_id = staged.loss_reason_id,
        source_id = staged.source_id,
        created_by = staged.created_by,
        updated_by = staged.updated_by,
        created_at = staged.created_at,
        closed_at = staged.closed_at,
        closest_task_at = staged.closest_task_at,
        score = staged.score,
        labor_cost = staged.labor_cost,
        is_deleted = staged.is_deleted,
        is_price_modified_by_robot = staged.is_price_modified_by_robot,
        is_price_computed = staged.is_price_computed,
        visitor_uid = staged.visitor_uid,
        updated_at = staged.updated_at,
        deleted_at = staged.deleted_at,
        changed_at = now()

WHEN NOT MATCHED THEN
    INSERT (
        account_id, id, name, price, price_with_minor_units, responsible_user_id,
        group_id, pipeline_id, status_id, loss_reason_id, source_id, created_by,
        updated_by, created_at, closed_at, closest_task_at, score, labor_cost,
        is_deleted, is_price_modified_by_robot, is_price_computed, visitor_uid,
        updated_at, deleted_at
    )
    VALUES (
        staged.account_id, staged.id, staged.name, staged.price,
        staged.price_with_minor_units, staged.responsible_user_id, staged.group_id,
        staged.pipeline_id, staged.status_id, staged.loss_reason_id, staged.source_id,
        staged.created_by, staged.updated_by, staged.created_at, staged.closed_at,
        staged.closest_task_at, staged.score, staged.labor_cost, staged.is_deleted,
        staged.is_price_modified_by_robot, staged.is_price_computed, staged.visitor_uid,
        staged.updated_at, staged.deleted_at
    );
