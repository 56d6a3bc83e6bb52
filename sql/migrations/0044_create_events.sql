-- Purpose: events: the shape of the JSON, the typed rows of one transform, the table.
-- Writes:  staging.event_json, staging.events, amo.events
-- Re-run:  safe; what exists is kept.

DO $$
BEGIN
    IF to_regtype('staging.event_json') IS NULL THEN
        CREATE TYPE staging.event_json AS (
            id text,
            type text,
            entity_id bigint,
            created_by bigint,
            created_at staging.unix_seconds,
            value_after jsonb,
            value_before jsonb,
            updated_at staging.unix_seconds
        );
    END IF;
END;
$$;
COMMENT ON TYPE staging.event_json IS
'What amoCRM sends for one of events; other keys stay in amo.documents.';

CREATE TABLE IF NOT EXISTS amo.events (
    account_id bigint NOT NULL,
    entity_type text,
    id text NOT NULL,
    type text,
    entity_id bigint,
    created_by bigint,
    created_at timestamptz,
    value_after jsonb,
    value_before jsonb,
    updated_at timestamptz,
    deleted_at timestamptz,
    changed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT events_pkey PRIMARY KEY (account_id, id)
);
COMMENT ON TABLE amo.events IS 'What happened in the account. Never changes, only grows.';
COMMENT ON COLUMN amo.events.account_id IS 'The account in amoCRM.';
COMMENT ON COLUMN amo.events.id IS 'Text, sorted by nothing.';
COMMENT ON COLUMN amo.events.entity_id IS 'What it happened to.';
COMMENT ON COLUMN amo.events.created_by IS 'User who did it; 0: a robot or the API.';
COMMENT ON COLUMN amo.events.created_at IS 'When it happened.';
COMMENT ON COLUMN amo.events.value_after IS 'List of what is, depends on type.';
COMMENT ON COLUMN amo.events.value_before IS 'List of what was.';
COMMENT ON COLUMN amo.events.updated_at IS 'NULL: events do not change.';
COMMENT ON COLUMN amo.events.entity_type IS
'In the plural, as everywhere; amoCRM says it in the singular here.';
COMMENT ON COLUMN amo.events.type IS 'An open set, for example lead_status_changed.';
COMMENT ON COLUMN amo.events.deleted_at IS 'When amoCRM was found not to have it any more.';
COMMENT ON COLUMN amo.events.changed_at IS 'When this row was last written here.';

CREATE UNLOGGED TABLE IF NOT EXISTS staging.events (
    LIKE amo.events INCLUDING DEFAULTS
) WITH (autovacuum_enabled = FALSE);
COMMENT ON TABLE staging.events IS 'Rows of amo.events that one transform is about to merge.';
