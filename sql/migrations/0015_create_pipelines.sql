-- Purpose: pipelines: the shape of the JSON, the typed rows of one transform, the table.
-- Writes:  staging.pipeline_json, staging.pipelines, amo.pipelines
-- Re-run:  safe; what exists is kept.

DO $$
BEGIN
    IF to_regtype('staging.pipeline_json') IS NULL THEN
        CREATE TYPE staging.pipeline_json AS (
            id bigint,
            name text,
            sort integer,
            is_main boolean,
            is_unsorted_on boolean,
            is_archive boolean,
            updated_at staging.unix_seconds
        );
    END IF;
END;
$$;
COMMENT ON TYPE staging.pipeline_json IS
'What amoCRM sends for one of pipelines; other keys stay in amo.documents.';

CREATE TABLE IF NOT EXISTS amo.pipelines (
    account_id bigint NOT NULL,
    id bigint NOT NULL,
    name text,
    sort integer,
    is_main boolean,
    is_unsorted_on boolean,
    is_archive boolean,
    updated_at timestamptz,
    deleted_at timestamptz,
    changed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT pipelines_pkey PRIMARY KEY (account_id, id)
);
COMMENT ON TABLE amo.pipelines IS 'Pipelines of leads, archived ones included.';
COMMENT ON COLUMN amo.pipelines.account_id IS 'The account in amoCRM.';
COMMENT ON COLUMN amo.pipelines.id IS 'Id in amoCRM.';
COMMENT ON COLUMN amo.pipelines.name IS 'As people see it in amoCRM.';
COMMENT ON COLUMN amo.pipelines.sort IS 'Place in the order of the account.';
COMMENT ON COLUMN amo.pipelines.is_main IS 'The one for new leads.';
COMMENT ON COLUMN amo.pipelines.is_unsorted_on IS 'It has a stage for incoming leads.';
COMMENT ON COLUMN amo.pipelines.is_archive IS 'Put away by people.';
COMMENT ON COLUMN amo.pipelines.updated_at IS 'When it was last changed in amoCRM.';
COMMENT ON COLUMN amo.pipelines.deleted_at IS 'When amoCRM was found not to have it any more.';
COMMENT ON COLUMN amo.pipelines.changed_at IS 'When this row was last written here.';

CREATE UNLOGGED TABLE IF NOT EXISTS staging.pipelines (
    LIKE amo.pipelines INCLUDING DEFAULTS
) WITH (autovacuum_enabled = FALSE);
COMMENT ON TABLE staging.pipelines IS
'Rows of amo.pipelines that one transform is about to merge.';
