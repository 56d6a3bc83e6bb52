-- Purpose: values of custom fields from the documents that changed, typed by the field's type.
-- Version: 1
-- Reads:   staging.changed_documents
-- Writes:  staging.custom_field_values, ops.rejects
-- Re-run:  safe; rebuilt from scratch.

TRUNCATE staging.custom_field_values;

INSERT INTO staging.custom_field_values (
    account_id, entity_type, entity_id, field_id, position, value, value_numeric,
    value_timestamp, value_boolean, value_json, enum_id, enum_code, field_type
)
SELECT
    document.account_id,
    document.stream AS entity_type,
    document.entity_id,
    field.field_id,
    row_number() OVER (
        PARTITION BY document.account_id, document.stream, document.entity_id, field.field_id
        ORDER BY entry.ordinal, item.ordinal
    ) AS position,
    CASE jsonb_typeof(item.doc -> 'value')
        WHEN 'object'
            THEN
                coalesce(
                    item.doc #>> '{value,name}',
                    item.doc #>> '{value,description}',
                    item.doc #>> '{value,file_name}',
                    item.doc ->> 'value'
                )
        ELSE item.doc ->> 'value'
    END AS value,
    CASE
        WHEN field.field_type IN ('numeric', 'price', 'monetary')
            THEN staging.to_numeric(item.doc ->> 'value')
    END AS value_numeric,
    CASE
        WHEN field.field_type IN ('date', 'date_time', 'birthday')
            THEN staging.to_time(item.doc ->> 'value')
    END AS value_timestamp,
    CASE
        WHEN field.field_type = 'checkbox'
            THEN staging.to_boolean(item.doc ->> 'value')
    END AS value_boolean,
    CASE
        WHEN jsonb_typeof(item.doc -> 'value') IN ('object', 'array') THEN item.doc -> 'value'
        -- A chained list puts its ids beside where others have a value.
        WHEN NOT item.doc ? 'value' THEN item.doc
    END AS value_json,
    staging.to_bigint(item.doc ->> 'enum_id') AS enum_id,
    -- Older answers call the code "enum".
    coalesce(item.doc ->> 'enum_code', item.doc ->> 'enum') AS enum_code,
    field.field_type
FROM staging.changed_documents AS document
CROSS JOIN
    LATERAL
    jsonb_path_query(
        document.doc, '$.custom_fields_values[*] ? (@.type() == "object")'
    ) WITH ORDINALITY AS entry (doc, ordinal)
CROSS JOIN
    LATERAL (
        SELECT
            staging.to_bigint(entry.doc ->> 'field_id') AS field_id,
            entry.doc ->> 'field_type' AS field_type
    ) AS field
CROSS JOIN
    LATERAL
    jsonb_path_query(entry.doc, '$.values[*] ? (@.type() == "object")')
    WITH ORDINALITY AS item (doc, ordinal)
WHERE
    document.stream IN ('leads', 'contacts', 'companies', 'customers', 'catalog_elements');

INSERT INTO ops.rejects (run_id, stream, entity_id, path, value, reason)
SELECT
    ops.transform_run() AS run_id,
    staged.entity_type AS stream,
    staged.entity_id::text AS entity_id,
    'custom_fields_values.' || coalesce(staged.field_id::text, '?') AS path,
    staged.value,
    'not a value of type ' || coalesce(staged.field_type, 'unknown, or a field without id')
        AS reason
FROM staging.custom_field_values AS staged
WHERE
    staged.field_id IS NULL
    OR staged.value <> '' AND CASE staged.field_type
        WHEN 'numeric' THEN staged.value_numeric IS NULL
        WHEN 'price' THEN staged.value_numeric IS NULL
        WHEN 'monetary' THEN staged.value_numeric IS NULL
        WHEN 'date' THEN staged.value_timestamp IS NULL
        WHEN 'date_time' THEN staged.value_timestamp IS NULL
        WHEN 'birthday' THEN staged.value_timestamp IS NULL
        WHEN 'checkbox' THEN staged.value_boolean IS NULL
        ELSE FALSE
    END;

DELETE FROM staging.custom_field_values
WHERE field_id IS NULL;

-- What is not even an entry, or not even a value of one.
INSERT INTO ops.rejects (run_id, stream, entity_id, path, value, reason, raw)
SELECT
    ops.transform_run() AS run_id,
    document.stream,
    document.id AS entity_id,
    'custom_fields_values' AS path,
    broken.doc #>> '{}' AS value,
    'not an object' AS reason,
    broken.doc::text AS raw
FROM staging.changed_documents AS document
CROSS JOIN
    LATERAL
    jsonb_path_query(
        jsonb_path_query_array(document.doc, '$.custom_fields_values[*]')
        || jsonb_path_query_array(document.doc, '$.custom_fields_values[*].values[*]'),
        '$[*] ? (@.type() != "object" && @ != null)'
    ) AS broken (doc)
WHERE
    document.stream IN ('leads', 'contacts', 'companies', 'customers', 'catalog_elements')
    -- Cheap for the many, which have none.
    AND jsonb_path_exists(
        document.doc,
        '$.custom_fields_values ? (@.type() != "null")[*]'
        ' ? (@.type() != "object" || @.values[*].type() != "object")'
    );
