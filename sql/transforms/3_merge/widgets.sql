-- Purpose: bring amo.widgets up to the documents that changed.
-- Version: 1
-- Reads:   staging.widgets
-- Writes:  amo.widgets
-- Re-run:  safe; a row that has not changed is neither written nor locked.

MERGE INTO amo.widgets AS stored
USING staging.widgets AS staged
    ON
        stored.account_id = staged.account_id
        AND stored.id = staged.id

WHEN MATCHED AND to_jsonb(stored) - 'changed_at' = to_jsonb(staged) - 'changed_at' THEN
    DO NOTHING

WHEN MATCHED THEN
    UPDATE SET
        code = staged.code,
        version = staged.version,
        rating = staged.rating,
        is_lead_source = staged.is_lead_source,
        is_work_with_dp = staged.is_work_with_dp,
        is_crm_template = staged.is_crm_template,
        is_active_in_account = staged.is_active_in_account,
        client_uuid = staged.client_uuid,
        pipeline_id = staged.pipeline_id,
        settings_template = staged.settings_template,
        updated_at = staged.updated_at,
        deleted_at = staged.deleted_at,
        changed_at = now()

WHEN NOT MATCHED THEN
    INSERT (
        account_id, id, code, version, rating, is_lead_source, is_work_with_dp,
        is_crm_template, is_active_in_account, client_uuid, pipeline_id,
        settings_template, updated_at, deleted_at
    )
    VALUES (
        staged.account_id, staged.id, staged.code, staged.version, staged.rating,
        staged.is_lead_source, staged.is_work_with_dp, staged.is_crm_template,
        staged.is_active_in_account, staged.client_uuid, staged.pipeline_id,
        staged.settings_template, staged.updated_at, staged.deleted_at
    );
