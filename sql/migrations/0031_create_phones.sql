-- Purpose: phone numbers of contacts and companies, as typed and as E.164.
-- Writes:  amo.phones, staging.phones, staging.phone_numbers(), staging.phone_candidates(),
--          ops.account_phone_regions
-- Re-run:  safe; what exists is kept, functions are replaced by the same text.

CREATE OR REPLACE FUNCTION staging.phone_candidates(raw text)
RETURNS TABLE (part bigint, number text)
LANGUAGE sql
IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT
        2 * run.ordinal + piece.ordinal AS part,
        piece.number
    FROM (
        -- A slash parts two numbers when both have seven digits: not 495/123-45-67. Whoever
        -- writes a novel into the field must not cost the night: some checks look far ahead.
        SELECT
            regexp_replace(
                staging.phone_text(left(raw, 1000)),
                '((?:[0-9][-() .~*_]*){7,})[/\\]+(?=(?:[-() .~*_+]*[0-9]){7})', '\1|', 'g'
            ) AS value
    ) AS given
    CROSS JOIN
        LATERAL
        -- Seven digits or more with the signs of one number between them, and an extension.
        regexp_matches(
            given.value,
            '[+]?(?:[0-9][-() .~*_/]*){7,}'
            || '(?:[ ,]*(?:[дД][оО][бБ][авочныйе]*|[вВ][нН][утренийом]*|[eE][xX][tT]|[xXхХwW#])'
            || '[:.]?[ ,-]*[0-9]{1,6})?#?(?!\S*@)',
            'g'
        ) WITH ORDINALITY AS run (groups, ordinal)
    CROSS JOIN
        LATERAL (
            -- 20 digits and more are too many for one number: 89161234567 89037654321.
            SELECT
                CASE
                    WHEN run.groups[1] ~ '^[+]?(?:[0-9][-() .~*_/]*){20,30}$' THEN substring(
                        run.groups[1]
                        FROM format(
                            '^[+]?(?:[0-9][^0-9]*){%s}(?=[0-9])',
                            length(translate(run.groups[1], '-+() .~*_/', '')) / 2
                        )
                    )
                END AS half
        ) AS first
    CROSS JOIN
        LATERAL
        unnest(
            CASE
                WHEN first.half LIKE '% '
                    THEN ARRAY[first.half, substr(run.groups[1], length(first.half) + 1)]
                ELSE ARRAY[run.groups[1]]
            END
        ) WITH ORDINALITY AS piece (number, ordinal);
END;
COMMENT ON FUNCTION staging.phone_candidates(text) IS
'What may be a number each in a text with more than one, or with words around; part: their order.';

CREATE OR REPLACE FUNCTION staging.phone_numbers(raw text, default_region text)
RETURNS TABLE (part bigint, e164 text, extension text)
LANGUAGE sql
STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT
        coalesce(piece.part, 1) AS part,
        CASE WHEN piece.part IS NULL THEN whole.e164 ELSE piece.e164 END AS e164,
        CASE WHEN piece.part IS NULL THEN whole.extension ELSE piece.extension END AS extension
    FROM (
        SELECT
            raw AS value,
            default_region AS region
    ) AS given
    CROSS JOIN LATERAL staging.parse_phone(given.value, given.region) AS whole
    LEFT JOIN
        LATERAL (
            SELECT
                candidate.part,
                parsed.e164,
                parsed.extension
            FROM
                staging.phone_candidates(
                    CASE
                        WHEN whole.e164 IS NULL THEN given.value
                        -- An extension of seven digits behind a comma is the next number.
                        WHEN given.value ~ '[,;][ ,-]*[0-9]{7,}[^0-9]*$' THEN given.value
                    END
                ) AS candidate
            CROSS JOIN LATERAL staging.parse_phone(candidate.number, given.region) AS parsed
        ) AS piece
        ON TRUE;
END;
COMMENT ON FUNCTION staging.phone_numbers(text, text) IS
'The numbers of one value in the order of part; one row without e164 when there is none.';

CREATE OR REPLACE VIEW ops.account_phone_regions AS
SELECT
    account.account_id,
    coalesce(chosen.region, country.region, 'RU') AS region,
    CASE
        WHEN chosen.region IS NOT NULL THEN 'ops.phone_defaults'
        WHEN country.region IS NOT NULL THEN 'country of the account'
        ELSE 'nothing said'
    END AS source
FROM amo.documents AS account
LEFT JOIN ops.phone_defaults AS chosen
    ON account.account_id = chosen.account_id
LEFT JOIN ops.phone_regions AS country
    ON upper(account.doc ->> 'country') = country.region
WHERE account.stream = 'account';
COMMENT ON VIEW ops.account_phone_regions IS
'Where numbers without a country code are from, by account, and who says so.';
COMMENT ON COLUMN ops.account_phone_regions.account_id IS 'The account in amoCRM.';
COMMENT ON COLUMN ops.account_phone_regions.region IS 'Of ops.phone_regions.';
COMMENT ON COLUMN ops.account_phone_regions.source IS 'Who says so.';

CREATE TABLE IF NOT EXISTS amo.phones (
    account_id bigint NOT NULL,
    entity_type text NOT NULL,
    entity_id bigint NOT NULL,
    position integer NOT NULL,
    raw text NOT NULL,
    e164 text,
    extension text,
    enum_code text,
    is_valid boolean NOT NULL,
    CONSTRAINT phones_pkey PRIMARY KEY (account_id, entity_type, entity_id, position)
);
COMMENT ON TABLE amo.phones IS
'Numbers in the field PHONE: one row each, also where one value has two. docs/PHONES.md.';
COMMENT ON COLUMN amo.phones.account_id IS 'The account in amoCRM.';
COMMENT ON COLUMN amo.phones.entity_type IS
'In the plural: leads, contacts, companies, customers …';
COMMENT ON COLUMN amo.phones.entity_id IS 'Id of the entity, in the table that entity_type names.';
COMMENT ON COLUMN amo.phones.is_valid IS 'The number exists in its numbering plan.';
COMMENT ON COLUMN amo.phones.position IS
'Order in the field, from 1; a value with two numbers takes two.';
COMMENT ON COLUMN amo.phones.raw IS
'The whole value as a person typed it; the same in both rows of a value with two numbers.';
COMMENT ON COLUMN amo.phones.e164 IS '+79161234567; NULL when it cannot be a number.';
COMMENT ON COLUMN amo.phones.extension IS 'Digits to dial after the call is answered.';
COMMENT ON COLUMN amo.phones.enum_code IS 'WORK, WORKDD, MOB, FAX, HOME or OTHER.';

CREATE UNLOGGED TABLE IF NOT EXISTS staging.phones (
    LIKE amo.phones
) WITH (autovacuum_enabled = FALSE);
COMMENT ON TABLE staging.phones IS 'Rows of amo.phones that one transform is about to merge.';
