-- Purpose: sources: the shape of the JSON, the typed rows of one transform, the table.
-- Writes:  staging.source_json, staging.sources, amo.sources
-- Re-run:  safe; what exists is kept.

DO $$
BEGIN
    IF to_regtype('staging.source_json') IS NULL THEN
        CREATE TYPE staging.source_json AS (
            id bigint,
            name text,
            pipeline_id bigint,
            external_id text,
            origin_code text,
            services jsonb,
            updated_at staging.unix_seconds
        );
    END IF;
END;
$$;
COMMENT ON TYPE staging.source_json IS
'What amoCRM sends for one of sources; other keys stay in amo.documents.';

CREATE TABLE IF NOT EXISTS amo.sources (
    account_id bigint NOT NULL,
    id bigint NOT NULL,
    name text,
    pipeline_id bigint,
    external_id text,
    origin_code text,
    services jsonb,
    is_default boolean,
    updated_at timestamptz,
    deleted_at timestamptz,
    changed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT sources_pkey PRIMARY KEY (account_id, id)
);
COMMENT ON TABLE amo.sources IS
'Sources of leads; amoCRM shows those of the own integration only.';
COMMENT ON COLUMN amo.sources.account_id IS 'The account in amoCRM.';
COMMENT ON COLUMN amo.sources.id IS 'Id in amoCRM.';
COMMENT ON COLUMN amo.sources.name IS 'As people see it in amoCRM.';
COMMENT ON COLUMN amo.sources.pipeline_id IS 'Of amo.pipelines.';
COMMENT ON COLUMN amo.sources.external_id IS 'Id that the integration gave it.';
COMMENT ON COLUMN amo.sources.origin_code IS 'Kind of the channel.';
COMMENT ON COLUMN amo.sources.services IS 'Messengers and sites of the source.';
COMMENT ON COLUMN amo.sources.updated_at IS 'When it was last changed in amoCRM.';
COMMENT ON COLUMN amo.sources.is_default IS
'amoCRM calls it default, a word that SQL keeps for itself.';
COMMENT ON COLUMN amo.sources.deleted_at IS 'When amoCRM was found not to have it any more.';
COMMENT ON COLUMN amo.sources.changed_at IS 'When this row was last written here.';

CREATE UNLOGGED TABLE IF NOT EXISTS staging.sources (
    LIKE amo.sources INCLUDING DEFAULTS
) WITH (autovacuum_enabled = FALSE);
COMMENT ON TABLE staging.sources IS 'Rows of amo.sources that one transform is about to merge.';
