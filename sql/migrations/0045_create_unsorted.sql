-- Purpose: unsorted: the shape of the JSON, the typed rows of one transform, the table.
-- Writes:  staging.unsorted_json, staging.unsorted, amo.unsorted
-- Re-run:  safe; what exists is kept.

DO $$
BEGIN
    IF to_regtype('staging.unsorted_json') IS NULL THEN
        CREATE TYPE staging.unsorted_json AS (
            uid text,
            source_uid text,
            source_name text,
            category text,
            pipeline_id bigint,
            created_at staging.unix_seconds,
            metadata jsonb,
            updated_at staging.unix_seconds
        );
    END IF;
END;
$$;
COMMENT ON TYPE staging.unsorted_json IS
'What amoCRM sends for one of unsorted; other keys stay in amo.documents.';

CREATE TABLE IF NOT EXISTS amo.unsorted (
    account_id bigint NOT NULL,
    uid text NOT NULL,
    source_uid text,
    source_name text,
    category text,
    pipeline_id bigint,
    created_at timestamptz,
    metadata jsonb,
    updated_at timestamptz,
    deleted_at timestamptz,
    changed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT unsorted_pkey PRIMARY KEY (account_id, uid)
);
COMMENT ON TABLE amo.unsorted IS 'Incoming leads that nobody has accepted or declined yet.';
COMMENT ON COLUMN amo.unsorted.account_id IS 'The account in amoCRM.';
COMMENT ON COLUMN amo.unsorted.uid IS 'Id in amoCRM, text.';
COMMENT ON COLUMN amo.unsorted.source_uid IS 'Where it came from.';
COMMENT ON COLUMN amo.unsorted.source_name IS 'The same for people.';
COMMENT ON COLUMN amo.unsorted.category IS 'sip, mail, forms or chats.';
COMMENT ON COLUMN amo.unsorted.pipeline_id IS 'Of amo.pipelines.';
COMMENT ON COLUMN amo.unsorted.created_at IS 'When it was created in amoCRM.';
COMMENT ON COLUMN amo.unsorted.updated_at IS 'When it was last changed in amoCRM.';
COMMENT ON COLUMN amo.unsorted.metadata IS 'Depends on category: sip, mail, forms, chats.';
COMMENT ON COLUMN amo.unsorted.deleted_at IS 'When amoCRM was found not to have it any more.';
COMMENT ON COLUMN amo.unsorted.changed_at IS 'When this row was last written here.';

CREATE UNLOGGED TABLE IF NOT EXISTS staging.unsorted (
    LIKE amo.unsorted INCLUDING DEFAULTS
) WITH (autovacuum_enabled = FALSE);
COMMENT ON TABLE staging.unsorted IS
'Rows of amo.unsorted that one transform is about to merge.';
