-- Purpose: the query of a wide view, and what depends on it.
-- Writes:  ops.wide_aggregate(), ops.wide_view_query(), ops.view_dependents()
-- Re-run:  safe; functions are replaced by the same text.

CREATE OR REPLACE FUNCTION ops.wide_aggregate(column_type text, condition text)
RETURNS text
LANGUAGE sql
IMMUTABLE STRICT
RETURN format(
    CASE column_type
        WHEN 'numeric' THEN 'min(item.value_numeric) FILTER (WHERE %s AND item.position = 1)'
        WHEN 'timestamp with time zone'
            THEN 'min(item.value_timestamp) FILTER (WHERE %s AND item.position = 1)'
        WHEN 'boolean' THEN 'bool_or(item.value_boolean) FILTER (WHERE %s AND item.position = 1)'
        WHEN 'text' THEN 'min(item.value) FILTER (WHERE %s AND item.position = 1)'
        WHEN 'text[]' THEN 'array_agg(item.value ORDER BY item.position) FILTER (WHERE %s)'
        WHEN 'jsonb'
            THEN
                'jsonb_agg(coalesce(item.value_json, to_jsonb(item.value)) ORDER BY item.position)'
                || ' FILTER (WHERE %s)'
    END,
    condition
);
COMMENT ON FUNCTION ops.wide_aggregate(text, text) IS
'What makes one value of a type out of the rows of a field; NULL for a type no field has.';

CREATE OR REPLACE FUNCTION ops.wide_view_query(
    entity text, base text, base_columns text[], keep boolean
)
RETURNS text
LANGUAGE sql
STABLE
SET search_path = pg_catalog
AS $$
    WITH scope AS (
        SELECT
            min(named.account_id) AS account_id,
            count(DISTINCT named.account_id) > 1 AS has_accounts
        FROM ops.wide_columns AS named
        WHERE named.entity_type = entity
    ),

    custom AS (
        SELECT
            named.column_name AS name,
            named.column_type AS type,
            min(field.sort) AS sort,
            min(named.field_id) AS field_id,
            '(' || string_agg(
                CASE WHEN scope.has_accounts
                    THEN format('item.account_id = %s AND ', named.account_id)
                    ELSE ''
                END || format('item.field_id = %s', named.field_id),
                ' OR ' ORDER BY named.account_id
            ) || ')' AS condition
        FROM ops.wide_columns AS named
        CROSS JOIN scope
        INNER JOIN amo.custom_fields AS field
            ON
                field.account_id = named.account_id
                AND field.entity_type = named.entity_type
                AND field.id = named.field_id
        WHERE named.entity_type = entity AND named.column_name IS NOT NULL
        GROUP BY named.column_name, named.column_type
    ),

    wanted AS (
        SELECT
            plain.name,
            NULL AS type,
            NULL AS condition,
            plain.ordinal AS rank
        FROM unnest(base_columns) WITH ORDINALITY AS plain (name, ordinal)
        UNION ALL
        SELECT
            custom.name,
            custom.type,
            custom.condition,
            10000 + row_number() OVER (ORDER BY custom.sort, custom.field_id) AS rank
        FROM custom
    ),

    -- What is there keeps its place: only then can PostgreSQL replace a view.
    present AS (
        SELECT
            attribute.attname::text AS name,
            format_type(attribute.atttypid, attribute.atttypmod) AS type,
            attribute.attnum
        FROM pg_attribute AS attribute
        WHERE
            attribute.attrelid = to_regclass(format('mart.%I', entity))
            AND attribute.attnum > 0
            AND NOT attribute.attisdropped
    ),

    output AS (
        SELECT
            coalesce(present.name, wanted.name) AS name,
            CASE
                WHEN wanted.name IS NULL THEN 'NULL'
                WHEN wanted.condition IS NULL THEN format('base.%I', wanted.name)
                WHEN made.aggregate IS NULL THEN 'NULL'
                ELSE format('field.%I', wanted.name)
            END || CASE WHEN keep THEN coalesce('::' || present.type, '') ELSE '' END AS expression,
            made.aggregate,
            row_number() OVER (ORDER BY present.attnum, wanted.rank) AS place
        FROM present
        FULL JOIN wanted ON present.name = wanted.name
        CROSS JOIN LATERAL (
            SELECT
                ops.wide_aggregate(
                    CASE WHEN keep THEN coalesce(present.type, wanted.type) ELSE wanted.type END,
                    wanted.condition
                ) AS aggregate
        ) AS made
        WHERE keep OR wanted.name IS NOT NULL
    )

    SELECT
        'SELECT '
        || string_agg(format('%s AS %I', output.expression, output.name), ', ' ORDER BY output.place)
        || format(' FROM (%s) AS base', base)
        || coalesce(
            ' LEFT JOIN LATERAL (SELECT '
            || string_agg(
                format('%s AS %I', output.aggregate, output.name), ', ' ORDER BY output.place
            ) FILTER (WHERE output.aggregate IS NOT NULL)
            || ' FROM amo.custom_field_values AS item WHERE item.account_id = base.account_id'
            || format(' AND item.entity_type = %L AND item.entity_id = base.id', entity)
            || (
                SELECT
                    CASE WHEN scope.has_accounts
                        THEN ''
                        ELSE format(' AND item.account_id = %s', scope.account_id)
                    END
                FROM scope
            )
            || ') AS field ON TRUE',
            ''
        )
    FROM output;
$$;
COMMENT ON FUNCTION ops.wide_view_query(text, text, text[], boolean) IS
'The query of mart.<entity>: what is there in its order, then what is new. With keep nothing is '
'dropped or changes its type: columns of deleted fields are NULL.';

CREATE OR REPLACE FUNCTION ops.view_dependents(of_view regclass)
RETURNS text[]
LANGUAGE sql
STABLE
SET search_path = pg_catalog
AS $$
    SELECT coalesce(array_agg(DISTINCT found.name ORDER BY found.name), '{}')
    FROM (
        SELECT
            CASE
                WHEN rule.rulename = '_RETURN' THEN rule.ev_class::regclass::text
                ELSE pg_describe_object(dependency.classid, dependency.objid, 0)
            END AS name
        FROM pg_depend AS dependency
        LEFT JOIN pg_rewrite AS rule
            ON dependency.classid = 'pg_rewrite'::regclass AND dependency.objid = rule.oid
        WHERE
            dependency.deptype <> 'i'
            AND (
                dependency.refclassid = 'pg_class'::regclass AND dependency.refobjid = of_view
                OR dependency.refclassid = 'pg_type'::regclass
                AND dependency.refobjid IN (
                    SELECT type.oid FROM pg_type AS type
                    WHERE type.typrelid = of_view
                    UNION ALL
                    SELECT type.typarray FROM pg_type AS type
                    WHERE type.typrelid = of_view
                )
            )
            AND (rule.rulename = '_RETURN' AND rule.ev_class = of_view) IS NOT TRUE
    ) AS found;
$$;
COMMENT ON FUNCTION ops.view_dependents(regclass) IS
'Views, functions, triggers and the like that a DROP of the view would take along.';
