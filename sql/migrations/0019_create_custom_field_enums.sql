-- Purpose: custom_field_enums: the shape of the JSON, the typed rows of one transform, the table.
-- Writes:  staging.enum_json, staging.custom_field_enums, amo.custom_field_enums
-- Re-run:  safe; what exists is kept.

DO $$
BEGIN
    IF to_regtype('staging.enum_json') IS NULL THEN
        CREATE TYPE staging.enum_json AS (
            id bigint,
            value text,
            sort integer,
            code text,
            updated_at staging.unix_seconds
        );
    END IF;
END;
$$;
COMMENT ON TYPE staging.enum_json IS
'What amoCRM sends for one of custom_field_enums; other keys stay in amo.documents.';

CREATE TABLE IF NOT EXISTS amo.custom_field_enums (
    account_id bigint NOT NULL,
    entity_type text NOT NULL,
    field_id bigint NOT NULL,
    id bigint NOT NULL,
    value text,
    sort integer,
    code text,
    updated_at timestamptz,
    deleted_at timestamptz,
    changed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT custom_field_enums_pkey PRIMARY KEY (account_id, entity_type, field_id, id)
);
COMMENT ON TABLE amo.custom_field_enums IS
'Options of selects; options that amoCRM replaced are kept, old values still name them.';
COMMENT ON COLUMN amo.custom_field_enums.account_id IS 'The account in amoCRM.';
COMMENT ON COLUMN amo.custom_field_enums.entity_type IS 'As in amo.custom_fields.';
COMMENT ON COLUMN amo.custom_field_enums.field_id IS 'Of amo.custom_fields.';
COMMENT ON COLUMN amo.custom_field_enums.id IS 'Id of the option.';
COMMENT ON COLUMN amo.custom_field_enums.value IS 'What people see.';
COMMENT ON COLUMN amo.custom_field_enums.sort IS 'Place in the order of the account.';
COMMENT ON COLUMN amo.custom_field_enums.code IS 'For example WORK of a phone.';
COMMENT ON COLUMN amo.custom_field_enums.updated_at IS 'When it was last changed in amoCRM.';
COMMENT ON COLUMN amo.custom_field_enums.deleted_at IS
'When amoCRM was found not to have it any more.';
COMMENT ON COLUMN amo.custom_field_enums.changed_at IS 'When this row was last written here.';

CREATE UNLOGGED TABLE IF NOT EXISTS staging.custom_field_enums (
    LIKE amo.custom_field_enums INCLUDING DEFAULTS
) WITH (autovacuum_enabled = FALSE);
COMMENT ON TABLE staging.custom_field_enums IS
'Rows of amo.custom_field_enums that one transform is about to merge.';
