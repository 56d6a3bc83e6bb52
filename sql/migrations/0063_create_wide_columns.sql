-- Purpose: how custom fields become columns of the wide views: names, types, expressions.
-- Writes:  ops.wide_columns, ops.wide_views, ops.wide_name(), ops.wide_name_cut(),
--          ops.wide_type(), ops.name_wide_columns()
-- Re-run:  safe; what exists is kept, functions are replaced by the same text.

CREATE TABLE IF NOT EXISTS ops.wide_columns (
    entity_type text NOT NULL,
    account_id bigint NOT NULL,
    field_id bigint NOT NULL,
    field_name text NOT NULL,
    column_type text NOT NULL,
    column_name text,
    view_column text,
    CONSTRAINT wide_columns_pkey PRIMARY KEY (entity_type, account_id, field_id)
);
COMMENT ON TABLE ops.wide_columns IS
'Which custom field is which column of mart.<entity_type>: kept, so that a new field renames none. '
'Fields of several accounts with the same name and type share a column.';
COMMENT ON COLUMN ops.wide_columns.entity_type IS 'The view mart.<entity_type>.';
COMMENT ON COLUMN ops.wide_columns.account_id IS 'Of the field.';
COMMENT ON COLUMN ops.wide_columns.field_id IS 'Of amo.custom_fields.';
COMMENT ON COLUMN ops.wide_columns.field_name IS 'As in amoCRM, cleaned to one line, not cut.';
COMMENT ON COLUMN ops.wide_columns.column_type IS 'The type that the field asks for.';
COMMENT ON COLUMN ops.wide_columns.column_name IS
'At most 63 bytes; NULL: left out, because there are more than 1500.';
COMMENT ON COLUMN ops.wide_columns.view_column IS 'What the column was called when last built.';

CREATE TABLE IF NOT EXISTS ops.wide_views (
    entity_type text CONSTRAINT wide_views_pkey PRIMARY KEY,
    signature text NOT NULL,
    kept_columns text[] NOT NULL DEFAULT '{}',
    blocked_by text[] NOT NULL DEFAULT '{}',
    left_out integer NOT NULL DEFAULT 0,
    message text,
    changed_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE ops.wide_views IS
'What each view mart.<entity_type> was last built from, and what stands in the way of the newest.';
COMMENT ON COLUMN ops.wide_views.entity_type IS 'The view mart.<entity_type>.';
COMMENT ON COLUMN ops.wide_views.changed_at IS 'When the view was last changed.';
COMMENT ON COLUMN ops.wide_views.signature IS
'Of the metadata; while it is equal nothing is done.';
COMMENT ON COLUMN ops.wide_views.kept_columns IS
'Out of date: of deleted fields (NULL), or in the type a field had before.';
COMMENT ON COLUMN ops.wide_views.blocked_by IS 'What depends on the view and forbids to drop it.';
COMMENT ON COLUMN ops.wide_views.left_out IS 'Fields above the limit of 1500 columns.';
COMMENT ON COLUMN ops.wide_views.message IS 'What the last transform warned of; NULL: all is well.';

CREATE OR REPLACE FUNCTION ops.wide_name(name text, code text, field_id bigint)
RETURNS text
LANGUAGE sql
IMMUTABLE
AS $$
    WITH given AS (
        SELECT
            part.place,
            btrim(
                regexp_replace(
                    -- What cannot be seen would make two names out of one.
                    regexp_replace(
                        normalize(part.value, NFC),
                        E'[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]+', '', 'g'
                    ),
                    E'[\u0001-\u0020\u007f-\u00a0\u1680\u2000-\u200a\u2028-\u202f\u205f\u3000]+',
                    ' ', 'g'
                )
            ) AS clean
        FROM unnest(ARRAY[name, code]) WITH ORDINALITY AS part (value, place)
    )

    SELECT
        coalesce(
            (array_agg(given.clean ORDER BY given.place) FILTER (WHERE given.clean <> ''))[1],
            'field ' || field_id
        )
    FROM given;
$$;
COMMENT ON FUNCTION ops.wide_name(text, text, bigint) IS
'A field''s name as people read it, in one line; else its code, else "field" and its id.';

CREATE OR REPLACE FUNCTION ops.wide_name_cut(name text, suffix text)
RETURNS text
LANGUAGE sql
IMMUTABLE
-- The type name cuts at a character, as PostgreSQL cuts identifiers; the suffix takes its bytes.
RETURN rtrim(substr((repeat('x', octet_length(suffix)) || name)::name::text, length(suffix) + 1))
|| suffix;
COMMENT ON FUNCTION ops.wide_name_cut(text, text) IS
'The name and an ASCII suffix in at most 63 bytes, cut between two characters.';

CREATE OR REPLACE FUNCTION ops.wide_type(field_type text)
RETURNS text
LANGUAGE sql
IMMUTABLE
RETURN CASE
    WHEN field_type IN ('numeric', 'price', 'monetary') THEN 'numeric'
    WHEN field_type IN ('date', 'date_time', 'birthday') THEN 'timestamp with time zone'
    WHEN field_type = 'checkbox' THEN 'boolean'
    WHEN field_type IN ('multiselect', 'multitext', 'smart_address') THEN 'text[]'
    WHEN
        field_type IN (
            'text', 'textarea', 'url', 'streetaddress', 'select', 'radiobutton', 'category',
            'tracking_data', 'org_legal_name'
        )
        THEN 'text'
    -- Objects, and what is not known yet: nothing may be lost.
    ELSE 'jsonb'
END;
COMMENT ON FUNCTION ops.wide_type(text) IS 'SQL type of the column of a custom field.';

CREATE OR REPLACE FUNCTION ops.name_wide_columns(entity text, base_columns text[])
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
DECLARE
    room integer;
    field ops.wide_columns;
    chosen text;
    attempt integer;
BEGIN
    -- What is gone gives its name back; who changed looks for a name again.
    DELETE FROM ops.wide_columns AS named
    WHERE
        named.entity_type = entity
        AND NOT EXISTS (
            SELECT FROM amo.custom_fields AS live
            WHERE
                live.entity_type = entity
                AND live.account_id = named.account_id
                AND live.id = named.field_id
                AND live.deleted_at IS NULL
        );
    -- A column that every account has since the last build takes the name.
    UPDATE ops.wide_columns AS named
    SET column_name = NULL
    FROM unnest(base_columns) AS base (name)
    WHERE named.entity_type = entity AND lower(named.column_name) = lower(base.name);

    MERGE INTO ops.wide_columns AS named
    USING (
        SELECT
            live.entity_type,
            live.account_id,
            live.id AS field_id,
            ops.wide_name(live.name, live.code, live.id) AS field_name,
            ops.wide_type(live.type) AS column_type
        FROM amo.custom_fields AS live
        WHERE live.entity_type = entity AND live.deleted_at IS NULL
    ) AS wanted
        ON
            named.entity_type = wanted.entity_type
            AND named.account_id = wanted.account_id
            AND named.field_id = wanted.field_id
    WHEN MATCHED
        AND (named.field_name, named.column_type) = (wanted.field_name, wanted.column_type)
        THEN DO NOTHING
    WHEN MATCHED THEN
        UPDATE SET
            field_name = wanted.field_name,
            column_type = wanted.column_type,
            column_name = NULL
    WHEN NOT MATCHED THEN
        INSERT (entity_type, account_id, field_id, field_name, column_type)
        VALUES (
            wanted.entity_type, wanted.account_id, wanted.field_id, wanted.field_name,
            wanted.column_type
        );

    -- A view has at most 1600 columns; the base has some 40.
    SELECT 1500 - count(DISTINCT named.column_name) INTO room
    FROM ops.wide_columns AS named
    WHERE named.entity_type = entity;

    -- One by one: each name depends on those before it.
    FOR field IN
        SELECT * FROM ops.wide_columns AS named
        WHERE named.entity_type = entity AND named.column_name IS NULL
        ORDER BY named.account_id, named.field_id
    LOOP
        SELECT other.column_name INTO chosen
        FROM ops.wide_columns AS other
        WHERE
            other.entity_type = entity
            AND other.account_id <> field.account_id
            AND other.field_name = field.field_name
            AND other.column_type = field.column_type
            AND other.column_name IS NOT NULL
            AND NOT EXISTS (
                SELECT FROM ops.wide_columns AS own
                WHERE
                    own.entity_type = entity
                    AND own.account_id = field.account_id
                    AND own.column_name = other.column_name
            )
        ORDER BY other.account_id, other.field_id
        LIMIT 1;

        CONTINUE WHEN chosen IS NULL AND room <= 0;
        room := room - CASE WHEN chosen IS NULL THEN 1 ELSE 0 END;
        attempt := 0;
        WHILE chosen IS NULL LOOP
            chosen := ops.wide_name_cut(
                field.field_name,
                CASE attempt
                    WHEN 0 THEN ''
                    WHEN 1 THEN format(' (%s)', field.field_id)
                    ELSE format(' (%s) %s', field.field_id, attempt)
                END
            );
            attempt := attempt + 1;
            -- Not even in another case: Power BI and others do not tell them apart.
            IF EXISTS (
                SELECT FROM unnest(base_columns) AS base (name)
                WHERE lower(base.name) = lower(chosen)
                UNION ALL
                SELECT FROM ops.wide_columns AS named
                WHERE named.entity_type = entity AND lower(named.column_name) = lower(chosen)
            ) THEN
                chosen := NULL;
            END IF;
        END LOOP;

        UPDATE ops.wide_columns AS named
        SET column_name = chosen
        WHERE
            (named.entity_type, named.account_id, named.field_id)
            = (entity, field.account_id, field.field_id);
    END LOOP;
END;
$$;
COMMENT ON FUNCTION ops.name_wide_columns(text, text[]) IS
'Bring ops.wide_columns up to amo.custom_fields; names that are given stay.';
