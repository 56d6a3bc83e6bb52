-- Purpose: e-mail addresses from the documents that changed.
-- Version: 1
-- Reads:   staging.changed_documents
-- Writes:  staging.emails
-- Re-run:  safe; rebuilt from scratch.

TRUNCATE staging.emails;

INSERT INTO staging.emails (
    account_id, entity_type, entity_id, position, raw, email, enum_code, is_valid
)
SELECT
    document.account_id,
    document.stream AS entity_type,
    document.entity_id,
    item.ordinal AS position,
    item.doc ->> 'value' AS raw,
    address.groups[1] || '@' || translate(
        lower(address.groups[2]),
        -- What lower() does to Cyrillic depends on the database's locale.
        'АБВГДЕЁЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯІЇЄҐЎ',
        'абвгдеёжзийклмнопрстуфхцчшщъыьэюяіїєґў'
    ) AS email,
    coalesce(item.doc ->> 'enum_code', item.doc ->> 'enum') AS enum_code,
    address.groups IS NOT NULL AS is_valid
FROM staging.changed_documents AS document
CROSS JOIN
    LATERAL
    jsonb_path_query(
        document.doc,
        '$.custom_fields_values[*] ? (@.field_code == "EMAIL").values[*]'
        ' ? (@.type() == "object")'
    ) WITH ORDINALITY AS item (doc, ordinal)
-- The local part is case-sensitive by RFC 5321 and kept; the domain is not.
LEFT JOIN
    LATERAL
    regexp_match(
        item.doc ->> 'value',
        '^\s*([^\s@,;<>"]+)@([^\s@,;<>".]+(?:\.[^\s@,;<>".]+)*\.[^\s@,;<>".\d]{2,})\s*$'
    ) AS address (groups)
    ON TRUE
WHERE
    document.stream IN ('leads', 'contacts', 'companies', 'customers')
    AND item.doc ->> 'value' IS NOT NULL;
