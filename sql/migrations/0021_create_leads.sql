-- Purpose: leads: the shape of the JSON, the typed rows of one transform, the table.
-- Writes:  staging.lead_json, staging.leads, amo.leads
-- Re-run:  safe; what exists is kept.

DO $$
BEGIN
    IF to_regtype('staging.lead_json') IS NULL THEN
        CREATE TYPE staging.lead_json AS (
            id bigint,
            name text,
            price numeric,
            price_with_minor_units numeric,
            responsible_user_id bigint,
            group_id bigint,
            pipeline_id bigint,
            status_id bigint,
            loss_reason_id bigint,
            source_id bigint,
            created_by bigint,
            updated_by bigint,
            created_at staging.unix_seconds,
            updated_at staging.unix_seconds,
            closed_at staging.unix_seconds,
            closest_task_at staging.unix_seconds,
            score bigint,
            labor_cost bigint,
            is_deleted boolean,
            is_price_modified_by_robot boolean,
            is_price_computed boolean,
            visitor_uid text
        );
    END IF;
END;
$$;
COMMENT ON TYPE staging.lead_json IS
'What amoCRM sends for one of leads; other keys stay in amo.documents.';

CREATE TABLE IF NOT EXISTS amo.leads (
    account_id bigint NOT NULL,
    id bigint NOT NULL,
    name text,
    price numeric,
    price_with_minor_units numeric,
    responsible_user_id bigint,
    group_id bigint,
    pipeline_id bigint,
    status_id bigint,
    loss_reason_id bigint,
    source_id bigint,
    created_by bigint,
    updated_by bigint,
    created_at timestamptz,
    closed_at timestamptz,
    closest_task_at timestamptz,
    score bigint,
    labor_cost bigint,
    is_deleted boolean,
    is_price_modified_by_robot boolean,
    is_price_computed boolean,
    visitor_uid text,
    updated_at timestamptz,
    deleted_at timestamptz,
    changed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT leads_pkey PRIMARY KEY (account_id, id)
) WITH (fillfactor = 90);
COMMENT ON TABLE amo.leads IS 'Leads (deals).';
COMMENT ON COLUMN amo.leads.account_id IS 'The account in amoCRM.';
COMMENT ON COLUMN amo.leads.id IS 'Id in amoCRM.';
COMMENT ON COLUMN amo.leads.name IS 'As people see it in amoCRM.';
COMMENT ON COLUMN amo.leads.price_with_minor_units IS
'With kopecks or cents, where amoCRM gives them.';
COMMENT ON COLUMN amo.leads.responsible_user_id IS 'Of amo.users.';
COMMENT ON COLUMN amo.leads.group_id IS 'Group of the responsible user, amo.groups.';
COMMENT ON COLUMN amo.leads.pipeline_id IS 'Of amo.pipelines.';
COMMENT ON COLUMN amo.leads.loss_reason_id IS 'Of amo.loss_reasons.';
COMMENT ON COLUMN amo.leads.source_id IS 'Of amo.sources.';
COMMENT ON COLUMN amo.leads.updated_by IS 'User who last changed it; 0: a robot or the API.';
COMMENT ON COLUMN amo.leads.created_at IS 'When it was created in amoCRM.';
COMMENT ON COLUMN amo.leads.closed_at IS 'When it came into stage 142 (won) or 143 (lost).';
COMMENT ON COLUMN amo.leads.closest_task_at IS 'Term of its next open task.';
COMMENT ON COLUMN amo.leads.score IS 'As amoCRM works it out.';
COMMENT ON COLUMN amo.leads.is_deleted IS 'What the list says: TRUE for what lies in the trash.';
COMMENT ON COLUMN amo.leads.is_price_modified_by_robot IS 'A robot set the price last.';
COMMENT ON COLUMN amo.leads.is_price_computed IS 'The price follows from the elements.';
COMMENT ON COLUMN amo.leads.visitor_uid IS 'Of the visitor of the site who became the lead.';
COMMENT ON COLUMN amo.leads.updated_at IS 'When it was last changed in amoCRM.';
COMMENT ON COLUMN amo.leads.price IS
'amoCRM cuts it at 2147483647; price_with_minor_units has the rest.';
COMMENT ON COLUMN amo.leads.created_by IS '0: a robot or the API.';
COMMENT ON COLUMN amo.leads.labor_cost IS 'Seconds.';
COMMENT ON COLUMN amo.leads.status_id IS 'Unique only together with pipeline_id.';
COMMENT ON COLUMN amo.leads.deleted_at IS 'When amoCRM was found not to have it any more.';
COMMENT ON COLUMN amo.leads.changed_at IS 'When this row was last written here.';

CREATE UNLOGGED TABLE IF NOT EXISTS staging.leads (
    LIKE amo.leads INCLUDING DEFAULTS
) WITH (autovacuum_enabled = FALSE);
COMMENT ON TABLE staging.leads IS 'Rows of amo.leads that one transform is about to merge.';
