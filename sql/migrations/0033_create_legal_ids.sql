-- Purpose: INN, KPP and OGRN of firms, checked.
-- Writes:  amo.legal_ids, staging.legal_ids, staging.is_inn(), staging.is_ogrn()
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
'Legal ids from fields of type legal_entity and from text fields named ИНН, КПП or ОГРН.';
COMMENT ON COLUMN amo.legal_ids.raw IS 'As a person typed it.';
COMMENT ON COLUMN amo.legal_ids.value IS
'The digits; NULL when there is no number of that length.';
COMMENT ON COLUMN amo.legal_ids.is_valid IS
'INN and OGRN: the check digits are right. KPP: the form is.';

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
    WHEN digits ~ '^0+$' THEN FALSE
    WHEN digits ~ '^\d{10}$'
        THEN
            substr(digits, 10, 1) = staging.inn_digit(digits, '{2,4,10,3,5,9,4,6,8}')
    WHEN digits ~ '^\d{12}$'
        THEN
            substr(digits, 11, 1) = staging.inn_digit(digits, '{7,2,4,10,3,5,9,4,6,8}')
            AND substr(digits, 12, 1) = staging.inn_digit(digits, '{3,7,2,4,10,3,5,9,4,6,8}')
    ELSE FALSE
END;
COMMENT ON FUNCTION staging.is_inn(text) IS '10 or 12 digits with the right check digits.';

CREATE OR REPLACE FUNCTION staging.is_ogrn(digits text)
RETURNS boolean
LANGUAGE sql
IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN digits ~ '^\d{13}$'
        THEN
            right(digits, 1) = (left(digits, 12)::bigint % 11 % 10)::text
    WHEN digits ~ '^\d{15}$'
        THEN
            right(digits, 1) = (left(digits, 14)::bigint % 13 % 10)::text
    ELSE FALSE
END;
COMMENT ON FUNCTION staging.is_ogrn(text) IS
'OGRN of 13 or OGRNIP of 15 digits with the right check digit.';
