-- Purpose: what bin/load --companies chose: companies, and what is linked to them.
-- Writes:  ops.selected, staging.selected_ids, staging.lean_items, ops.filterable_fields
-- Re-run:  safe; what exists is kept, the functions are replaced by the same text.

CREATE TABLE IF NOT EXISTS ops.selected (
    run_id bigint NOT NULL CONSTRAINT selected_run_id_fkey
    REFERENCES ops.runs (id) ON DELETE CASCADE,
    stream text NOT NULL,
    entity_id bigint NOT NULL,
    is_wanted boolean NOT NULL,
    CONSTRAINT selected_pkey PRIMARY KEY (run_id, stream, entity_id)
);
COMMENT ON TABLE ops.selected IS
'What a load with --companies is about: the companies that match, and the contacts, leads and '
'customers that they name. Committed together with the page that named them.';
COMMENT ON COLUMN ops.selected.run_id IS 'Of ops.runs.';
COMMENT ON COLUMN ops.selected.stream IS 'A name of ops.streams.';
COMMENT ON COLUMN ops.selected.entity_id IS 'Id in amoCRM.';
COMMENT ON COLUMN ops.selected.is_wanted IS
'FALSE: a company that was asked for by its id and is there, but does not match the rest of the '
'expression. Nothing of it is kept.';

CREATE OR REPLACE FUNCTION staging.selected_ids(
    items jsonb, list text, blocks text[], wanted jsonpath, named jsonpath, vars jsonb
)
RETURNS TABLE (stream text, entity_id bigint, is_wanted boolean)
LANGUAGE sql
IMMUTABLE PARALLEL SAFE
AS $$
    SELECT
        found.stream,
        found.id::bigint AS entity_id,
        bool_or(item.is_wanted) AS is_wanted
    FROM (
        SELECT
            element.doc,
            jsonb_path_exists(element.doc, wanted, vars, TRUE) AS is_wanted,
            -- Without a path there is nothing that was named.
            jsonb_path_exists(element.doc, named, vars, TRUE) IS TRUE AS is_named
        FROM jsonb_array_elements(items) AS element (doc)
    ) AS item
    CROSS JOIN
        LATERAL (
            SELECT
                list AS stream,
                staging.document_id(item.doc, 'id', TRUE) AS id
            UNION ALL
            SELECT
                block.name AS stream,
                staging.document_id(linked.doc, 'id', TRUE) AS id
            FROM unnest(blocks) AS block (name)
            CROSS JOIN
                LATERAL
                jsonb_array_elements(staging.page_items(item.doc, block.name)) AS linked (doc)
            WHERE item.is_wanted
        ) AS found
    WHERE
        found.id IS NOT NULL
        AND (item.is_wanted OR item.is_named)
    GROUP BY found.stream, found.id
$$;
COMMENT ON FUNCTION staging.selected_ids(jsonb, text, text[], jsonpath, jsonpath, jsonb) IS
'The ids of the entities of a list that are wanted, and of what they name in blocks of _embedded; '
'also of those that were only named.';

-- amoCRM echoes the query in the link of every entity (facts §1.3): 200 ids are 8 KB, once for
-- each note of a page and for each link inside it. Links do not count for the hash.
CREATE OR REPLACE FUNCTION staging.with_short_link(doc jsonb)
RETURNS jsonb
LANGUAGE sql
IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN doc #>> '{_links,self,href}' LIKE '%?%'
        THEN jsonb_set(
            doc, '{_links,self,href}',
            to_jsonb(split_part(doc #>> '{_links,self,href}', '?', 1))
        )
    ELSE doc
END;
COMMENT ON FUNCTION staging.with_short_link(jsonb) IS
'The same entity, its link without the query.';

CREATE OR REPLACE FUNCTION staging.lean_items(items jsonb, blocks text[])
RETURNS jsonb
LANGUAGE sql
IMMUTABLE PARALLEL SAFE
AS $$
    SELECT coalesce(jsonb_agg(staging.with_short_link(lean.doc) ORDER BY lean.position), '[]')
    FROM (
        SELECT
            element.position,
            CASE jsonb_typeof(element.doc -> '_embedded')
                WHEN 'object'
                    THEN element.doc || jsonb_build_object('_embedded', embedded.doc)
                ELSE element.doc
            END AS doc
        FROM jsonb_array_elements(items) WITH ORDINALITY AS element (doc, position)
        CROSS JOIN
            LATERAL (
                SELECT
                    coalesce(
                        jsonb_object_agg(
                            block.name,
                            CASE jsonb_typeof(block.value)
                                WHEN 'array'
                                    THEN (
                                        SELECT
                                            coalesce(
                                                jsonb_agg(
                                                    staging.with_short_link(linked.doc)
                                                    ORDER BY linked.position
                                                ),
                                                '[]'
                                            )
                                        FROM
                                            jsonb_array_elements(block.value)
                                            WITH ORDINALITY AS linked (doc, position)
                                    )
                                ELSE block.value
                            END
                        ),
                        '{}'
                    ) AS doc
                FROM
                    jsonb_each(
                        CASE jsonb_typeof(element.doc -> '_embedded')
                            WHEN 'object' THEN (element.doc -> '_embedded') - blocks
                        END
                    ) AS block (name, value)
            ) AS embedded
    ) AS lean
$$;
COMMENT ON FUNCTION staging.lean_items(jsonb, text[]) IS
'The same entities without these blocks of _embedded, and without the query in their links.';

-- Which conditions on fields the paid filter of companies understands (facts §3.3). What it
-- finds may be more than is wanted, but must not be less: the text of an option is not what it
-- goes by, and the ids behind a text may have been replaced since the last load.
CREATE OR REPLACE FUNCTION ops.filterable_fields(
    account bigint, field_ids bigint[], field_values text[]
)
RETURNS TABLE (field_id bigint, value text)
LANGUAGE sql
STABLE
AS $$
    SELECT
        wanted.field_id,
        wanted.value
    FROM unnest(field_ids, field_values) AS wanted (field_id, value)
    INNER JOIN amo.custom_fields AS field
        ON wanted.field_id = field.id
    WHERE
        field.account_id = account
        AND field.entity_type = 'companies'
        AND field.deleted_at IS NULL
        AND CASE
            WHEN field.type IN ('text', 'textarea', 'url', 'streetaddress') THEN TRUE
            WHEN field.type = 'numeric' THEN wanted.value ~ '^-?[0-9]+([.][0-9]+)?$'
            WHEN field.type = 'checkbox' THEN wanted.value IN ('0', '1')
            WHEN field.type IN ('select', 'multiselect', 'radiobutton')
                THEN (
                    SELECT
                        coalesce(bool_or(option.id::text = wanted.value), FALSE)
                        AND NOT coalesce(bool_or(option.value = wanted.value), FALSE)
                    FROM amo.custom_field_enums AS option
                    WHERE
                        option.account_id = account
                        AND option.entity_type = 'companies'
                        AND option.field_id = field.id
                )
            ELSE FALSE
        END
$$;
COMMENT ON FUNCTION ops.filterable_fields(bigint, bigint[], text[]) IS
'Of conditions on custom fields of companies, those that amoCRM can be asked to filter by.';
