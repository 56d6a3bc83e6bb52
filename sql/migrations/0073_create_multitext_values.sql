-- Purpose: the values of PHONE and EMAIL in the documents that changed, as people typed them.
-- Writes:  staging.multitext_values()
-- Re-run:  safe; the function is replaced by the same text.

-- A function of one SELECT: the planner puts it into the query that calls it.
CREATE OR REPLACE FUNCTION staging.multitext_values(code text)
RETURNS TABLE (
    account_id bigint,
    entity_type text,
    entity_id bigint,
    ordinal bigint,
    raw text,
    is_text boolean,
    enum_code text
)
LANGUAGE sql
STABLE
AS $$
    SELECT
        document.account_id,
        document.stream,
        document.entity_id,
        item.ordinal,
        item.doc ->> 'value',
        jsonb_typeof(item.doc -> 'value') = 'string',
        -- Older answers call the code "enum".
        coalesce(item.doc ->> 'enum_code', item.doc ->> 'enum')
    FROM staging.changed_documents AS document
    CROSS JOIN
        LATERAL
        jsonb_path_query(
            document.doc,
            '$.custom_fields_values[*] ? (@.field_code == $code).values[*]'
            ' ? (@.type() == "object")',
            jsonb_build_object('code', multitext_values.code)
        ) WITH ORDINALITY AS item (doc, ordinal)
    WHERE
        document.stream IN ('leads', 'contacts', 'companies', 'customers')
        AND item.doc ->> 'value' IS NOT NULL
$$;
COMMENT ON FUNCTION staging.multitext_values(text) IS
'Values of the field with this code; is_text is false for a number, an object or a list, whose '
'JSON is raw.';
