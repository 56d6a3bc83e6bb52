-- Purpose: bring amo.lead_status_changes up to the events that are new.
-- Version: 1
-- Reads:   staging.lead_status_changes
-- Writes:  amo.lead_status_changes
-- Re-run:  safe; a row that has not changed is neither written nor locked.

MERGE INTO amo.lead_status_changes AS stored
USING staging.lead_status_changes AS staged
    ON
        stored.account_id = staged.account_id
        AND stored.event_id = staged.event_id

WHEN MATCHED AND to_jsonb(stored) = to_jsonb(staged) THEN
    DO NOTHING

WHEN MATCHED THEN
    UPDATE SET
        lead_id = staged.lead_id,
        changed_in_amo_at = staged.changed_in_amo_at,
        changed_by = staged.changed_by,
        from_pipeline_id = staged.from_pipeline_id,
        from_status_id = staged.from_status_id,
        to_pipeline_id = staged.to_pipeline_id,
        to_status_id = staged.to_status_id

WHEN NOT MATCHED THEN
    INSERT (
        account_id, event_id, lead_id, changed_in_amo_at, changed_by, from_pipeline_id,
        from_status_id, to_pipeline_id, to_status_id
    )
    VALUES (
        staged.account_id, staged.event_id, staged.lead_id, staged.changed_in_amo_at,
        staged.changed_by, staged.from_pipeline_id, staged.from_status_id,
        staged.to_pipeline_id, staged.to_status_id
    );
