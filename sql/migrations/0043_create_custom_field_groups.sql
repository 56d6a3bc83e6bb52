-- Purpose: custom_field_groups: the shape of the JSON, the typed rows of one transform, the table.
-- Writes:  staging.field_group_json, staging.custom_field_groups, amo.custom_field_groups
-- Re-run:  safe; what exists is kept.

DO $$
BEGIN
    IF to_regtype('staging.field_group_json') IS NULL THEN
        CREATE TYPE staging.field_group_json AS (
            id text,
            name text,
            sort integer,
            type text,
            is_predefined boolean,
            updated_at staging.unix_seconds
        );
    END IF;
END;
$$;
COMMENT ON TYPE staging.field_group_json IS
'What amoCRM sends for one of custom_field_groups; other keys stay in amo.documents.';

CREATE TABLE IF NOT EXISTS amo.custom_field_groups (
    account_id bigint NOT NULL,
    entity_type text NOT NULL,
    catalog_id bigint NOT NULL,
    id text NOT NULL,
    name text,
    sort integer,
    type text,
    is_predefined boolean,
    updated_at timestamptz,
    deleted_at timestamptz,
    changed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT custom_field_groups_pkey PRIMARY KEY (account_id, entity_type, catalog_id, id)
);
COMMENT ON TABLE amo.custom_field_groups IS
'Groups (tabs) of custom fields; their ids are text.';
COMMENT ON COLUMN amo.custom_field_groups.account_id IS 'The account in amoCRM.';
COMMENT ON COLUMN amo.custom_field_groups.entity_type IS
'leads, contacts, companies, customers or catalogs.';
COMMENT ON COLUMN amo.custom_field_groups.id IS 'Text, unlike all other ids.';
COMMENT ON COLUMN amo.custom_field_groups.name IS 'As people see it in amoCRM.';
COMMENT ON COLUMN amo.custom_field_groups.sort IS 'Place in the order of the account.';
COMMENT ON COLUMN amo.custom_field_groups.type IS 'As amoCRM gives it.';
COMMENT ON COLUMN amo.custom_field_groups.is_predefined IS 'Made by amoCRM.';
COMMENT ON COLUMN amo.custom_field_groups.updated_at IS 'When it was last changed in amoCRM.';
COMMENT ON COLUMN amo.custom_field_groups.catalog_id IS
'For entity_type catalogs: which list, since each has groups of the same ids. Otherwise 0.';
COMMENT ON COLUMN amo.custom_field_groups.deleted_at IS
'When amoCRM was found not to have it any more.';
COMMENT ON COLUMN amo.custom_field_groups.changed_at IS 'When this row was last written here.';

CREATE UNLOGGED TABLE IF NOT EXISTS staging.custom_field_groups (
    LIKE amo.custom_field_groups INCLUDING DEFAULTS
) WITH (autovacuum_enabled = FALSE);
COMMENT ON TABLE staging.custom_field_groups IS
'Rows of amo.custom_field_groups that one transform is about to merge.';
