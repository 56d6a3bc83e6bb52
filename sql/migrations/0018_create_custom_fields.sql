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
COMMENT ON COLUMN amo.custom_fields.account_id IS 'The account in amoCRM.';
COMMENT ON COLUMN amo.custom_fields.entity_type IS
'leads, contacts, companies, customers, segments or catalogs.';
COMMENT ON COLUMN amo.custom_fields.id IS 'Id in amoCRM; contacts and companies may share one.';
COMMENT ON COLUMN amo.custom_fields.name IS 'As people see it in amoCRM.';
COMMENT ON COLUMN amo.custom_fields.code IS
'Of fields that are built in or made by an integration: PHONE, EMAIL …';
COMMENT ON COLUMN amo.custom_fields.type IS 'text, numeric, select, date … an open set.';
COMMENT ON COLUMN amo.custom_fields.sort IS 'Place in the order of the account.';
COMMENT ON COLUMN amo.custom_fields.group_id IS 'Of amo.custom_field_groups, text.';
COMMENT ON COLUMN amo.custom_fields.is_api_only IS 'Changed through the API only.';
COMMENT ON COLUMN amo.custom_fields.is_predefined IS 'Made by amoCRM.';
COMMENT ON COLUMN amo.custom_fields.is_deletable IS 'May be deleted by people.';
COMMENT ON COLUMN amo.custom_fields.is_computed IS 'amoCRM works it out.';
COMMENT ON COLUMN amo.custom_fields.is_visible IS 'Shown in the card.';
COMMENT ON COLUMN amo.custom_fields.is_required IS 'Must be filled in.';
COMMENT ON COLUMN amo.custom_fields.currency IS 'Of monetary fields.';
COMMENT ON COLUMN amo.custom_fields.remind IS 'Of birthdays: never, day, week or month.';
COMMENT ON COLUMN amo.custom_fields.tracking_callback IS 'Of fields of type tracking_data.';
COMMENT ON COLUMN amo.custom_fields.search_in IS
'Of linked_entity: what is searched, a catalog id, contacts, companies …';
COMMENT ON COLUMN amo.custom_fields.settings IS 'As amoCRM gives them.';
COMMENT ON COLUMN amo.custom_fields.nested IS 'Of categories: the tree of their values.';
COMMENT ON COLUMN amo.custom_fields.required_statuses IS 'Stages that ask for a value.';
COMMENT ON COLUMN amo.custom_fields.hidden_statuses IS 'Stages that hide it.';
COMMENT ON COLUMN amo.custom_fields.chained_lists IS
'Of chained lists: the catalogs in their order.';
COMMENT ON COLUMN amo.custom_fields.updated_at IS 'When it was last changed in amoCRM.';
COMMENT ON COLUMN amo.custom_fields.deleted_at IS
'When amoCRM was found not to have it any more.';
COMMENT ON COLUMN amo.custom_fields.changed_at IS 'When this row was last written here.';

CREATE UNLOGGED TABLE IF NOT EXISTS staging.custom_fields (
    LIKE amo.custom_fields INCLUDING DEFAULTS
) WITH (autovacuum_enabled = FALSE);
COMMENT ON TABLE staging.custom_fields IS
'Rows of amo.custom_fields that one transform is about to merge.';
