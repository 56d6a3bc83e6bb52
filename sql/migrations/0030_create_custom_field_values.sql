-- Purpose: values of custom fields, one row per value.
-- Writes:  amo.custom_field_values, staging.custom_field_values
-- Re-run:  safe; what exists is kept.

CREATE TABLE IF NOT EXISTS amo.custom_field_values (
    account_id bigint NOT NULL,
    entity_type text NOT NULL,
    entity_id bigint NOT NULL,
    field_id bigint NOT NULL,
    position integer NOT NULL,
    value text,
    value_numeric numeric,
    value_timestamp timestamptz,
    value_boolean boolean,
    value_json jsonb,
    enum_id bigint,
    enum_code text,
    CONSTRAINT custom_field_values_pkey
    PRIMARY KEY (account_id, entity_type, entity_id, field_id, position)
);
COMMENT ON TABLE amo.custom_field_values IS
'Values of custom fields; a multiselect has one row per option. Replaced as a set per entity.';
COMMENT ON COLUMN amo.custom_field_values.account_id IS 'The account in amoCRM.';
COMMENT ON COLUMN amo.custom_field_values.entity_type IS
'In the plural: leads, contacts, companies, customers …';
COMMENT ON COLUMN amo.custom_field_values.entity_id IS
'Id of the entity, in the table that entity_type names.';
COMMENT ON COLUMN amo.custom_field_values.field_id IS 'Of amo.custom_fields.';
COMMENT ON COLUMN amo.custom_field_values.enum_id IS
'Of amo.custom_field_enums, for fields with options.';
COMMENT ON COLUMN amo.custom_field_values.position IS 'From 1, in the order amoCRM gives them.';
COMMENT ON COLUMN amo.custom_field_values.value IS
'As text, whatever the type; of objects the name.';
COMMENT ON COLUMN amo.custom_field_values.value_numeric IS
'Fields of type numeric, price, monetary.';
COMMENT ON COLUMN amo.custom_field_values.value_timestamp IS
'Fields of type date, date_time, birthday.';
COMMENT ON COLUMN amo.custom_field_values.value_boolean IS 'Fields of type checkbox.';
COMMENT ON COLUMN amo.custom_field_values.value_json IS
'Where the value is an object: legal_entity, items, payer, file, linked_entity, chained_list.';
COMMENT ON COLUMN amo.custom_field_values.enum_code IS 'For example WORK of a phone.';

CREATE UNLOGGED TABLE IF NOT EXISTS staging.custom_field_values (
    account_id bigint NOT NULL,
    entity_type text NOT NULL,
    entity_id bigint NOT NULL,
    field_id bigint,
    position integer NOT NULL,
    value text,
    value_numeric numeric,
    value_timestamp timestamptz,
    value_boolean boolean,
    value_json jsonb,
    enum_id bigint,
    enum_code text,
    field_type text
) WITH (autovacuum_enabled = FALSE);
COMMENT ON TABLE staging.custom_field_values IS
'Rows of amo.custom_field_values that one transform is about to merge.';
