-- Purpose: segments: the shape of the JSON, the typed rows of one transform, the table.
-- Writes:  staging.segment_json, staging.segments, amo.segments
-- Re-run:  safe; what exists is kept.

DO $$
BEGIN
    IF to_regtype('staging.segment_json') IS NULL THEN
        CREATE TYPE staging.segment_json AS (
            id bigint,
            name text,
            color text,
            customers_count bigint,
            available_products_price_types jsonb,
            created_at staging.unix_seconds,
            updated_at staging.unix_seconds
        );
    END IF;
END;
$$;
COMMENT ON TYPE staging.segment_json IS
'What amoCRM sends for one of segments; other keys stay in amo.documents.';

CREATE TABLE IF NOT EXISTS amo.segments (
    account_id bigint NOT NULL,
    id bigint NOT NULL,
    name text,
    color text,
    customers_count bigint,
    available_products_price_types jsonb,
    created_at timestamptz,
    updated_at timestamptz,
    deleted_at timestamptz,
    changed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT segments_pkey PRIMARY KEY (account_id, id)
);
COMMENT ON TABLE amo.segments IS 'Segments of customers.';
COMMENT ON COLUMN amo.segments.account_id IS 'The account in amoCRM.';
COMMENT ON COLUMN amo.segments.id IS 'Id in amoCRM.';
COMMENT ON COLUMN amo.segments.name IS 'As people see it in amoCRM.';
COMMENT ON COLUMN amo.segments.customers_count IS 'How many customers it has.';
COMMENT ON COLUMN amo.segments.available_products_price_types IS
'Kinds of prices for these customers.';
COMMENT ON COLUMN amo.segments.created_at IS 'When it was created in amoCRM.';
COMMENT ON COLUMN amo.segments.updated_at IS 'When it was last changed in amoCRM.';
COMMENT ON COLUMN amo.segments.color IS 'Hexadecimal without #.';
COMMENT ON COLUMN amo.segments.deleted_at IS 'When amoCRM was found not to have it any more.';
COMMENT ON COLUMN amo.segments.changed_at IS 'When this row was last written here.';

CREATE UNLOGGED TABLE IF NOT EXISTS staging.segments (
    LIKE amo.segments INCLUDING DEFAULTS
) WITH (autovacuum_enabled = FALSE);
COMMENT ON TABLE staging.segments IS
'Rows of amo.segments that one transform is about to merge.';
