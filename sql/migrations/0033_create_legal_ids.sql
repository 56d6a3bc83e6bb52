-- Purpose: INN, KPP and OGRN of firms, checked.
-- Writes:  amo.legal_ids, ops.legal_id_fields, staging.legal_ids, staging.is_inn(),
--          staging.is_ogrn()
-- Re-run:  safe; what exists is kept, functions are replaced by the same text.

CREATE TABLE IF NOT EXISTS amo.legal_ids (
    account_id bigint NOT NULL,
    entity_type text NOT NULL,
    entity_id bigint NOT NULL,
    position integer NOT NULL,
    kind text NOT NULL CONSTRAINT legal_ids_kind CHECK (kind IN ('inn', 'kpp', 'ogrn')),
    raw text NOT NULL,
    value text,
    is_valid boolean NOT NULL,
    CONSTRAINT legal_ids_pkey PRIMARY KEY (account_id, entity_type, entity_id, position)
);
COMMENT ON TABLE amo.legal_ids IS
'Legal ids from fields of type legal_entity, from text and numeric fields named ИНН, КПП or ОГРН, '
'and from those of ops.legal_id_fields. docs/EMAILS_AND_IDS.md.';
COMMENT ON COLUMN amo.legal_ids.account_id IS 'The account in amoCRM.';
COMMENT ON COLUMN amo.legal_ids.entity_type IS
'In the plural: leads, contacts, companies, customers …';
COMMENT ON COLUMN amo.legal_ids.entity_id IS
'Id of the entity, in the table that entity_type names.';
COMMENT ON COLUMN amo.legal_ids.position IS
'Order in the entity, from 1; a value with two ids takes two.';
COMMENT ON COLUMN amo.legal_ids.kind IS 'inn, kpp or ogrn; an OGRNIP is an ogrn of 15 digits.';
COMMENT ON COLUMN amo.legal_ids.raw IS
'The whole value as a person typed it; the same in all rows of a value with several ids.';
COMMENT ON COLUMN amo.legal_ids.value IS
'The digits, of a KPP also letters; NULL when there is no number of that length.';
COMMENT ON COLUMN amo.legal_ids.is_valid IS
'INN and OGRN: the check digits are right. KPP: the form is.';

CREATE TABLE IF NOT EXISTS ops.legal_id_fields (
    account_id bigint NOT NULL,
    entity_type text NOT NULL CONSTRAINT legal_id_fields_entity_type
    CHECK (entity_type IN ('leads', 'contacts', 'companies', 'customers')),
    field_id bigint NOT NULL,
    kind text NOT NULL CONSTRAINT legal_id_fields_kind
    CHECK (kind IN ('inn', 'kpp', 'ogrn', 'none')),
    CONSTRAINT legal_id_fields_pkey PRIMARY KEY (account_id, entity_type, field_id, kind)
);
COMMENT ON TABLE ops.legal_id_fields IS
'Fields with legal ids whose name does not say so, a row per kind; none: not such a field, '
'whatever its name. Empty, yours to fill; then bin/transform --rebuild legal_ids.';
COMMENT ON COLUMN ops.legal_id_fields.account_id IS 'The account in amoCRM.';
COMMENT ON COLUMN ops.legal_id_fields.entity_type IS 'leads, contacts, companies or customers.';
COMMENT ON COLUMN ops.legal_id_fields.kind IS 'inn, kpp, ogrn or none.';
COMMENT ON COLUMN ops.legal_id_fields.field_id IS 'As in amo.custom_fields.';

CREATE UNLOGGED TABLE IF NOT EXISTS staging.legal_ids (
    LIKE amo.legal_ids
) WITH (autovacuum_enabled = FALSE);
COMMENT ON TABLE staging.legal_ids IS
'Rows of amo.legal_ids that one transform is about to merge.';

-- Weighted sum of the leading digits, modulo 11, modulo 10 (order of the Federal Tax Service
-- MMV-7-6/435). Weights are written so that the last one belongs to the last digit summed.
CREATE OR REPLACE FUNCTION staging.inn_digit(digits text, weights integer[])
RETURNS text
LANGUAGE sql
IMMUTABLE STRICT PARALLEL SAFE
RETURN (
    SELECT (sum(weight * substr(digits, position::integer, 1)::integer) % 11 % 10)::text
    FROM unnest(weights) WITH ORDINALITY AS factor (weight, position)
);
COMMENT ON FUNCTION staging.inn_digit(text, integer[]) IS 'One check digit of an INN.';

CREATE OR REPLACE FUNCTION staging.is_inn(digits text)
RETURNS boolean
LANGUAGE sql
IMMUTABLE PARALLEL SAFE
RETURN CASE
    -- There is no region 00; ten zeros would have the right check digit.
    WHEN digits ~ '^00' THEN FALSE
    WHEN digits ~ '^[0-9]{10}$'
        THEN
            substr(digits, 10, 1) = staging.inn_digit(digits, '{2,4,10,3,5,9,4,6,8}')
    WHEN digits ~ '^[0-9]{12}$'
        THEN
            substr(digits, 11, 1) = staging.inn_digit(digits, '{7,2,4,10,3,5,9,4,6,8}')
            AND substr(digits, 12, 1) = staging.inn_digit(digits, '{3,7,2,4,10,3,5,9,4,6,8}')
    ELSE FALSE
END;
COMMENT ON FUNCTION staging.is_inn(text) IS '10 or 12 digits with the right check digits.';

-- The first digit says what the number is of: 1 and 5 of firms, 3 of entrepreneurs; those of
-- later entries in the register (2, 4, 6 …) are made the same way and are no OGRN.
CREATE OR REPLACE FUNCTION staging.is_ogrn(digits text)
RETURNS boolean
LANGUAGE sql
IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN digits ~ '^[15][0-9]{12}$'
        THEN
            right(digits, 1) = (left(digits, 12)::bigint % 11 % 10)::text
    WHEN digits ~ '^3[0-9]{14}$'
        THEN
            right(digits, 1) = (left(digits, 14)::bigint % 13 % 10)::text
    ELSE FALSE
END;
COMMENT ON FUNCTION staging.is_ogrn(text) IS
'OGRN of 13 or OGRNIP of 15 digits with the right check digit.';
