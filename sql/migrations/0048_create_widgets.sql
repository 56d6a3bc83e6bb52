-- Purpose: widgets: the shape of the JSON, the typed rows of one transform, the table.
-- Writes:  staging.widget_json, staging.widgets, amo.widgets
-- Re-run:  safe; what exists is kept.

DO $$
BEGIN
    IF to_regtype('staging.widget_json') IS NULL THEN
        CREATE TYPE staging.widget_json AS (
            id bigint,
            code text,
            version text,
            rating text,
            is_lead_source boolean,
            is_work_with_dp boolean,
            is_crm_template boolean,
            is_active_in_account boolean,
            client_uuid text,
            pipeline_id bigint,
            settings_template jsonb,
            updated_at staging.unix_seconds
        );
    END IF;
END;
$$;
COMMENT ON TYPE staging.widget_json IS
'What amoCRM sends for one of widgets; other keys stay in amo.documents.';

CREATE TABLE IF NOT EXISTS amo.widgets (
    account_id bigint NOT NULL,
    id bigint NOT NULL,
    code text,
    version text,
    rating text,
    is_lead_source boolean,
    is_work_with_dp boolean,
    is_crm_template boolean,
    is_active_in_account boolean,
    client_uuid text,
    pipeline_id bigint,
    settings_template jsonb,
    updated_at timestamptz,
    deleted_at timestamptz,
    changed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT widgets_pkey PRIMARY KEY (account_id, id)
);
COMMENT ON TABLE amo.widgets IS 'Widgets of the account.';
COMMENT ON COLUMN amo.widgets.account_id IS 'The account in amoCRM.';
COMMENT ON COLUMN amo.widgets.id IS 'Id in amoCRM.';
COMMENT ON COLUMN amo.widgets.code IS 'By which amoCRM knows it.';
COMMENT ON COLUMN amo.widgets.version IS 'Of the widget.';
COMMENT ON COLUMN amo.widgets.rating IS 'In the market of amoCRM.';
COMMENT ON COLUMN amo.widgets.is_lead_source IS 'Brings leads.';
COMMENT ON COLUMN amo.widgets.is_work_with_dp IS 'Works in the digital pipeline.';
COMMENT ON COLUMN amo.widgets.is_crm_template IS 'Ships with a template of an account.';
COMMENT ON COLUMN amo.widgets.is_active_in_account IS 'Installed and switched on.';
COMMENT ON COLUMN amo.widgets.client_uuid IS 'Id of its integration.';
COMMENT ON COLUMN amo.widgets.pipeline_id IS 'Of amo.pipelines.';
COMMENT ON COLUMN amo.widgets.settings_template IS 'Fields that its settings ask for.';
COMMENT ON COLUMN amo.widgets.updated_at IS 'When it was last changed in amoCRM.';
COMMENT ON COLUMN amo.widgets.deleted_at IS 'When amoCRM was found not to have it any more.';
COMMENT ON COLUMN amo.widgets.changed_at IS 'When this row was last written here.';

CREATE UNLOGGED TABLE IF NOT EXISTS staging.widgets (
    LIKE amo.widgets INCLUDING DEFAULTS
) WITH (autovacuum_enabled = FALSE);
COMMENT ON TABLE staging.widgets IS 'Rows of amo.widgets that one transform is about to merge.';
