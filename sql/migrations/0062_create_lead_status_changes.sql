-- Purpose: the way of each lead through its pipelines, as the events tell it.
-- Writes:  amo.lead_status_changes, staging.lead_status_changes
-- Re-run:  safe; what exists is kept.

CREATE TABLE IF NOT EXISTS amo.lead_status_changes (
    account_id bigint NOT NULL,
    event_id text NOT NULL,
    lead_id bigint NOT NULL,
    changed_in_amo_at timestamptz NOT NULL,
    changed_by bigint,
    from_pipeline_id bigint,
    from_status_id bigint,
    to_pipeline_id bigint,
    to_status_id bigint,
    CONSTRAINT lead_status_changes_pkey PRIMARY KEY (account_id, event_id)
);
COMMENT ON TABLE amo.lead_status_changes IS
'One row per event lead_status_changed: when a lead came from which stage into which. Stages that '
'were deleted since are not in amo.statuses any more.';
COMMENT ON COLUMN amo.lead_status_changes.account_id IS 'The account in amoCRM.';
COMMENT ON COLUMN amo.lead_status_changes.event_id IS 'Of amo.events.';
COMMENT ON COLUMN amo.lead_status_changes.lead_id IS 'Of amo.leads.';
COMMENT ON COLUMN amo.lead_status_changes.from_pipeline_id IS 'Where it came from, amo.pipelines.';
COMMENT ON COLUMN amo.lead_status_changes.from_status_id IS 'Stage in that pipeline.';
COMMENT ON COLUMN amo.lead_status_changes.to_pipeline_id IS 'Where it went, amo.pipelines.';
COMMENT ON COLUMN amo.lead_status_changes.to_status_id IS 'Stage in that pipeline.';
COMMENT ON COLUMN amo.lead_status_changes.changed_in_amo_at IS 'Time of the event.';
COMMENT ON COLUMN amo.lead_status_changes.changed_by IS
'The user; 0 is a robot or an integration.';

CREATE INDEX IF NOT EXISTS lead_status_changes_lead
ON amo.lead_status_changes (account_id, lead_id, changed_in_amo_at);

CREATE UNLOGGED TABLE IF NOT EXISTS staging.lead_status_changes (
    LIKE amo.lead_status_changes
) WITH (autovacuum_enabled = FALSE);
COMMENT ON TABLE staging.lead_status_changes IS
'Rows of amo.lead_status_changes that one transform is about to merge.';
