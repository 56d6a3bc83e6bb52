-- Purpose: INN, KPP and OGRN from the documents that changed, each distinct value read once.
-- Version: 2
-- Reads:   staging.changed_documents, ops.legal_id_fields
-- Writes:  staging.legal_ids
-- Re-run:  safe; rebuilt from scratch.

TRUNCATE staging.legal_ids;

INSERT INTO staging.legal_ids (
    account_id, entity_type, entity_id, position, kind, raw, value, is_valid
)
WITH typed AS MATERIALIZED (
    SELECT
        document.account_id,
        document.stream AS entity_type,
        document.entity_id,
        field.ordinal AS field_ordinal,
        item.ordinal,
        legal.ordinal AS key_ordinal,
        legal.kinds,
        legal.value #>> '{}' AS raw,
        jsonb_typeof(legal.value) IN ('string', 'number') AS is_readable,
        jsonb_typeof(legal.value) = 'number' OR field.doc ->> 'field_type' = 'numeric' AS is_number
    FROM staging.changed_documents AS document
    CROSS JOIN
        LATERAL
        jsonb_path_query(
            document.doc,
            -- Letters spelt out: what "i" means to Cyrillic depends on the database's locale.
            '$.custom_fields_values[*] ? (@.field_type == "legal_entity"'
            ' || @.field_id == $configured[*]'
            ' || (@.field_type == "text" || @.field_type == "textarea"'
            ' || @.field_type == "numeric")'
            ' && (@.field_name like_regex "[Ии][Нн][Нн]|[Кк][Пп][Пп]|[Оо][Гг][Рр][Нн]'
            '|[Ii][Nn][Nn]|[Kk][Pp][Pp]|[Oo][Gg][Rr][Nn]"'
            ' || @.field_code like_regex "[Ii][Nn][Nn]|[Kk][Pp][Pp]|[Oo][Gg][Rr][Nn]"))',
            (
                SELECT jsonb_build_object('configured', coalesce(jsonb_agg(fields.field_id), '[]'))
                FROM ops.legal_id_fields AS fields
            )
        ) WITH ORDINALITY AS field (doc, ordinal)
    CROSS JOIN
        LATERAL (
            SELECT
                coalesce(
                    -- A DBA's word goes before the name of the field.
                    (
                        SELECT array_agg(fields.kind ORDER BY fields.kind)
                        FROM ops.legal_id_fields AS fields
                        WHERE
                            fields.account_id = document.account_id
                            AND fields.entity_type = document.stream
                            AND fields.field_id = staging.to_bigint(field.doc ->> 'field_id')
                    ),
                    CASE field.doc ->> 'field_type'
                        WHEN 'legal_entity' THEN '{inn,kpp,ogrn}'
                        WHEN 'text' THEN named.kinds
                        WHEN 'textarea' THEN named.kinds
                        WHEN 'numeric' THEN named.kinds
                    END
                ) AS kinds
            FROM
                staging.legal_id_kinds(
                    concat_ws(' ', field.doc ->> 'field_name', field.doc ->> 'field_code')
                ) AS named (kinds)
        ) AS meant
    CROSS JOIN
        LATERAL
        jsonb_path_query(field.doc, '$.values[*] ? (@.type() == "object")')
        WITH ORDINALITY AS item (doc, ordinal)
    CROSS JOIN
        LATERAL (
            SELECT
                field.doc ->> 'field_type' = 'legal_entity'
                AND jsonb_typeof(item.doc -> 'value') = 'object' AS has_keys
        ) AS shape
    CROSS JOIN
        LATERAL (
            VALUES
            (0, meant.kinds, CASE WHEN NOT shape.has_keys THEN item.doc -> 'value' END),
            (1, '{inn}', CASE WHEN shape.has_keys THEN item.doc #> '{value,vat_id}' END),
            (2, '{kpp}', CASE WHEN shape.has_keys THEN item.doc #> '{value,kpp}' END),
            (
                3, '{ogrn}',
                CASE
                    WHEN shape.has_keys
                        THEN item.doc #> '{value,tax_registration_reason_code}'
                END
            )
        ) AS legal (ordinal, kinds, value)
    WHERE
        document.stream IN ('leads', 'contacts', 'companies', 'customers')
        AND cardinality(meant.kinds) > 0
        AND array_position(meant.kinds, 'none') IS NULL
        AND legal.value #>> '{}' <> ''
),

ids AS MATERIALIZED (
    -- The same id twice in one value is one.
    SELECT
        value.raw,
        value.kinds,
        value.is_number,
        found.kind,
        found.value,
        found.is_valid,
        min(found.part) AS part
    FROM (
        SELECT
            typed.raw,
            typed.kinds,
            typed.is_number
        FROM typed
        WHERE typed.is_readable
        GROUP BY typed.raw, typed.kinds, typed.is_number
    ) AS value
    CROSS JOIN
        LATERAL
        staging.read_legal_ids(value.raw, value.kinds, value.is_number) AS found
    GROUP BY
        value.raw, value.kinds, value.is_number, found.kind, found.value, found.is_valid
)

SELECT
    typed.account_id,
    typed.entity_type,
    typed.entity_id,
    row_number() OVER (
        PARTITION BY typed.account_id, typed.entity_type, typed.entity_id
        ORDER BY typed.field_ordinal, typed.ordinal, typed.key_ordinal, ids.part
    ) AS position,
    coalesce(ids.kind, typed.kinds[1]) AS kind,
    typed.raw,
    ids.value,
    coalesce(ids.is_valid, FALSE) AS is_valid
FROM typed
LEFT JOIN ids
    ON
        typed.is_readable
        AND typed.raw = ids.raw
        AND typed.kinds = ids.kinds
        AND typed.is_number = ids.is_number;
