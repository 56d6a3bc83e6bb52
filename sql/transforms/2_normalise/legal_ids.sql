-- Purpose: INN, KPP and OGRN from the documents that changed.
-- Version: 1
-- Reads:   staging.changed_documents
-- Writes:  staging.legal_ids
-- Re-run:  safe; rebuilt from scratch.

TRUNCATE staging.legal_ids;

INSERT INTO staging.legal_ids (
    account_id, entity_type, entity_id, position, kind, raw, value, is_valid
)
SELECT
    found.account_id,
    found.entity_type,
    found.entity_id,
    row_number() OVER (
        PARTITION BY found.account_id, found.entity_type, found.entity_id
        ORDER BY found.field_ordinal, found.ordinal, found.kind
    ) AS position,
    found.kind,
    found.raw,
    found.value,
    CASE found.kind
        WHEN 'inn' THEN staging.is_inn(found.value)
        WHEN 'ogrn' THEN staging.is_ogrn(found.value)
        ELSE found.value IS NOT NULL
    END AS is_valid
FROM (
    SELECT
        document.account_id,
        document.stream AS entity_type,
        document.entity_id,
        field.ordinal AS field_ordinal,
        item.ordinal,
        legal.kind,
        legal.raw,
        -- The first run of digits of the right length, blanks inside it allowed.
        (
            regexp_match(
                regexp_replace(upper(legal.raw), '(?<=[0-9])\s+(?=[0-9])', '', 'g'),
                CASE legal.kind
                    WHEN 'inn' THEN '(?<![0-9])([0-9]{12}|[0-9]{10})(?![0-9])'
                    WHEN 'kpp' THEN '(?<![0-9A-Z])([0-9]{4}[0-9A-Z]{2}[0-9]{3})(?![0-9A-Z])'
                    ELSE '(?<![0-9])([0-9]{15}|[0-9]{13})(?![0-9])'
                END
            )
        )[1] AS value
    FROM staging.changed_documents AS document
    CROSS JOIN
        LATERAL
        jsonb_path_query(
            document.doc,
            -- Letters spelt out: what "i" means to Cyrillic depends on the database's locale.
            '$.custom_fields_values[*] ? (@.field_type == "legal_entity"'
            ' || @.field_name like_regex "(^|[^А-Яа-яЁё])([Ии][Нн][Нн]|[Кк][Пп][Пп]'
            '|[Оо][Гг][Рр][Нн]([Ии][Пп])?)($|[^А-Яа-яЁё])")'
        ) WITH ORDINALITY AS field (doc, ordinal)
    CROSS JOIN
        LATERAL
        jsonb_path_query(field.doc, '$.values[*] ? (@.type() == "object")')
        WITH ORDINALITY AS item (doc, ordinal)
    CROSS JOIN
        LATERAL (
            SELECT
                field.doc ->> 'field_name' AS name,
                CASE
                    WHEN jsonb_typeof(item.doc -> 'value') IN ('string', 'number')
                        THEN item.doc ->> 'value'
                END AS value
        ) AS plain
    CROSS JOIN
        LATERAL (
            VALUES
            ('inn', item.doc #>> '{value,vat_id}'),
            ('kpp', item.doc #>> '{value,kpp}'),
            ('ogrn', item.doc #>> '{value,tax_registration_reason_code}'),
            ('inn', CASE WHEN plain.name ~ '[Ии][Нн][Нн]' THEN plain.value END),
            ('kpp', CASE WHEN plain.name ~ '[Кк][Пп][Пп]' THEN plain.value END),
            ('ogrn', CASE WHEN plain.name ~ '[Оо][Гг][Рр][Нн]' THEN plain.value END)
        ) AS legal (kind, raw)
    WHERE
        document.stream IN ('leads', 'contacts', 'companies', 'customers')
        AND legal.raw <> ''
) AS found;
