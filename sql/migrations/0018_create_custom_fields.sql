-- Purpose: custom_fields: the shape of the JSON, the typed rows of one transform, the table.
-- Writes:  staging.custom_field_json, staging.custom_fields, amo.custom_fields
-- Re-run:  safe; what exists is kept.

DO $$
BEGIN
    IF to_regtype('staging.custom_field_json') IS NULL THEN
        CREATE TYPE staging.custom_field_json AS (
            id bigint,
            name text,
            code text,
            type text,
            sort integer,
            group_id text,
            is_api_only boolean,
            is_predefined boolean,
            is_deletable boolean,
            is_computed boolean,
            is_visible boolean,
            is_required boolean,
            currency text,
            remind text,
            tracking_callback text,
            search_in text,
            settings jsonb,
            nested jsonb,
            required_statuses jsonb,
            hidden_statuses jsonb,
            chained_lists jsonb,
            updated_at staging.unix_seconds
        );
    END IF;
END;
$$;
COMMENT ON TYPE staging.custom_field_json IS
'What amoCRM sends for one of custom_fields; other keys stay in amo.documents.';

CREATE TABLE IF NOT EXISTS amo.custom_fields (
    account_id bigint NOT NULL,
    entity_type text NOT NULL,
    id bigint NOT NULL,
    name text,
    code text,
    type text,
    sort integer,
    group_id text,
    is_api_only boolean,
    is_predefined boolean,
    is_deletable boolean,
    is_computed boolean,
    is_visible boolean,
    is_required boolean,
    currency text,
    remind text,
    tracking_callback text,
    search_in text,
    settings jsonb,
    nested jsonb,
    required_statuses jsonb,
    hidden_statuses jsonb,
    chained_lists jsonb,
    updated_at timestamptz,
    deleted_at timestamptz,
    changed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT custom_fields_pkey PRIMARY KEY (account_id, entity_type, id)
);
COMMENT ON TABLE amo.custom_fields IS
'Definitions of custom fields; contacts and companies may share one id.';
COMMENT ON COLUMN amo.custom_fields.deleted_at IS
'When amoCRM was found not to have it any more.';
COMMENT ON COLUMN amo.custom_fields.changed_at IS 'When this row was last written here.';

CREATE UNLOGGED TABLE IF NOT EXISTS staging.custom_fields (
    LIKE amo.custom_fields INCLUDING DEFAULTS
) WITH (autovacuum_enabled = FALSE);
COMMENT ON TABLE staging.custom_fields IS
'Rows of amo.custom_fields that one transform is about to merge.';
