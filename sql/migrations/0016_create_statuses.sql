-- Purpose: statuses: the shape of the JSON, the typed rows of one transform, the table.
-- Writes:  staging.status_json, staging.statuses, amo.statuses
-- Re-run:  safe; what exists is kept.

DO $$
BEGIN
    IF to_regtype('staging.status_json') IS NULL THEN
        CREATE TYPE staging.status_json AS (
            id bigint,
            pipeline_id bigint,
            name text,
            sort integer,
            is_editable boolean,
            color text,
            type integer,
            updated_at staging.unix_seconds
        );
    END IF;
END;
$$;
COMMENT ON TYPE staging.status_json IS
'What amoCRM sends for one of statuses; other keys stay in amo.documents.';

CREATE TABLE IF NOT EXISTS amo.statuses (
    account_id bigint NOT NULL,
    id bigint NOT NULL,
    pipeline_id bigint NOT NULL,
    name text,
    sort integer,
    is_editable boolean,
    color text,
    type integer,
    updated_at timestamptz,
    deleted_at timestamptz,
    changed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT statuses_pkey PRIMARY KEY (account_id, pipeline_id, id)
);
COMMENT ON TABLE amo.statuses IS 'Stages; 142 (won) and 143 (lost) exist in every pipeline.';
COMMENT ON COLUMN amo.statuses.account_id IS 'The account in amoCRM.';
COMMENT ON COLUMN amo.statuses.id IS 'Unique within its pipeline only.';
COMMENT ON COLUMN amo.statuses.pipeline_id IS 'Of amo.pipelines.';
COMMENT ON COLUMN amo.statuses.name IS 'As people see it in amoCRM.';
COMMENT ON COLUMN amo.statuses.sort IS 'Place in the order of the account.';
COMMENT ON COLUMN amo.statuses.is_editable IS 'FALSE: built in.';
COMMENT ON COLUMN amo.statuses.color IS 'As amoCRM gives it.';
COMMENT ON COLUMN amo.statuses.updated_at IS 'When it was last changed in amoCRM.';
COMMENT ON COLUMN amo.statuses.type IS '0 normal, 1 unsorted.';
COMMENT ON COLUMN amo.statuses.deleted_at IS 'When amoCRM was found not to have it any more.';
COMMENT ON COLUMN amo.statuses.changed_at IS 'When this row was last written here.';

CREATE UNLOGGED TABLE IF NOT EXISTS staging.statuses (
    LIKE amo.statuses INCLUDING DEFAULTS
) WITH (autovacuum_enabled = FALSE);
COMMENT ON TABLE staging.statuses IS
'Rows of amo.statuses that one transform is about to merge.';
