-- Purpose: phone numbers from the documents that changed.
-- Version: 1
-- Reads:   staging.changes, amo.documents
-- Writes:  staging.phones
-- Re-run:  safe; rebuilt from scratch.

TRUNCATE staging.phones;

INSERT INTO staging.phones (
    account_id, entity_type, entity_id, position, raw, e164, extension, enum_code,
    is_valid
)
SELECT
    change.account_id,
    change.stream AS entity_type,
    change.entity_id,
    item.ordinal AS position,
    item.doc ->> 'value' AS raw,
    normal.e164,
    CASE WHEN normal.e164 IS NOT NULL THEN part.extension END AS extension,
    coalesce(item.doc ->> 'enum_code', item.doc ->> 'enum') AS enum_code,
    normal.e164 IS NOT NULL AS is_valid
FROM staging.changes AS change
INNER JOIN amo.documents AS document
    ON
        change.account_id = document.account_id
        AND change.stream = document.stream
        AND change.id = document.id
CROSS JOIN
    LATERAL
    jsonb_path_query(
        document.doc,
        '$.custom_fields_values[*] ? (@.field_code == "PHONE").values[*]'
        ' ? (@.type() == "object")'
    ) WITH ORDINALITY AS item (doc, ordinal)
CROSS JOIN
    LATERAL (
        -- 8 (916) 123-45-67 доб. 12: the number, then the extension.
        SELECT
            matched.groups[1] AS number,
            matched.groups[2] AS extension
        FROM
            regexp_match(
                -- A number copied from a page brings its no-break spaces along.
                translate(item.doc ->> 'value', E'\u00a0\u2007\u202f', '   '),
                '^(.*?)(?:[\s,;]*(?:[Дд][Оо][Бб]|[Вв][Нн]|ext|#|x|[Хх])[\s.:]*(\d{1,6}))?\s*$',
                'i'
            ) AS matched (groups)
    ) AS part
CROSS JOIN
    LATERAL (
        SELECT regexp_replace(part.number, '\D', '', 'g') AS digits
    ) AS plain
CROSS JOIN
    LATERAL (
        -- Only the plan of +7 (Russia, Kazakhstan) is known here; anything else stays raw.
        -- Letters or a second number leave more than the punctuation of one number.
        SELECT CASE
            WHEN part.number !~ '^[\s+(]*[\d\s()./-]+$' THEN NULL
            WHEN part.number ~ '^\s*\+' AND plain.digits !~ '^7[34689]\d{9}$|^77\d{9}$' THEN NULL
            WHEN plain.digits ~ '^[78][346789]\d{9}$' THEN '+7' || substr(plain.digits, 2)
            WHEN plain.digits ~ '^9\d{9}$' THEN '+7' || plain.digits
        END AS e164
    ) AS normal
WHERE
    change.stream IN ('leads', 'contacts', 'companies', 'customers')
    AND item.doc ->> 'value' IS NOT NULL;
