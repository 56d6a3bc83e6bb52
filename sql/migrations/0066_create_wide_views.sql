-- Purpose: build the wide views of mart from the metadata, only when it changed.
-- Writes:  ops.rename_wide_columns(), ops.replace_wide_view(), ops.build_wide_view()
-- Re-run:  safe; functions are replaced by the same text.

CREATE OR REPLACE FUNCTION ops.rename_wide_columns(entity text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
DECLARE
    renamed record;
BEGIN
    FOR renamed IN
        WITH moved AS (
            SELECT
                min(named.view_column) AS old_name,
                named.column_name AS new_name
            FROM ops.wide_columns AS named
            WHERE
                named.entity_type = entity
                AND NOT EXISTS (
                    SELECT FROM ops.wide_columns AS other
                    WHERE
                        other.entity_type = entity
                        AND other.view_column = named.view_column
                        AND other.column_name IS DISTINCT FROM named.column_name
                )
            GROUP BY named.column_name
            HAVING min(named.view_column) = max(nullif(named.view_column, named.column_name))
        ),

        allowed AS (
            SELECT
                moved.old_name,
                moved.new_name,
                -- Custom names never begin with a blank.
                ' ' || present.attnum AS between_name
            FROM moved
            INNER JOIN pg_attribute AS present
                ON
                    present.attrelid = to_regclass(format('mart.%I', entity))
                    AND present.attname = moved.old_name
            WHERE
                NOT EXISTS (
                    SELECT FROM pg_attribute AS taken
                    WHERE
                        taken.attrelid = present.attrelid
                        AND taken.attname = moved.new_name
                        AND taken.attname NOT IN (SELECT leaving.old_name FROM moved AS leaving)
                )
        )
        -- In two steps, because names may change places.
        SELECT 1 AS step, allowed.old_name AS before, allowed.between_name AS after FROM allowed
        UNION ALL
        SELECT 2 AS step, allowed.between_name AS before, allowed.new_name AS after FROM allowed
        ORDER BY step
    LOOP
        EXECUTE format(
            'ALTER VIEW mart.%I RENAME COLUMN %I TO %I', entity, renamed.before, renamed.after
        );
    END LOOP;
EXCEPTION WHEN duplicate_column THEN
    -- A chain of names ends at one that is kept: then columns are dropped and added instead.
    NULL;
END;
$$;
COMMENT ON FUNCTION ops.rename_wide_columns(text) IS
'Rename the columns of mart.<entity> whose field was renamed: whoever depends on them goes along.';

CREATE OR REPLACE FUNCTION ops.replace_wide_view(
    entity text, base text, OUT blocked_by text[], OUT kept_columns text[]
)
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
DECLARE
    header text;
    base_columns text[];
BEGIN
    EXECUTE format(
        'SELECT array_agg(listed.name ORDER BY listed.place) FROM ('
        'SELECT base.* FROM (SELECT) AS one LEFT JOIN (%s LIMIT 0) AS base ON TRUE) AS empty,'
        ' json_object_keys(row_to_json(empty)) WITH ORDINALITY AS listed (name, place)',
        base
    ) INTO base_columns;
    PERFORM ops.name_wide_columns(entity, base_columns);
    PERFORM ops.rename_wide_columns(entity);

    SELECT format(
        'CREATE OR REPLACE VIEW mart.%I%s AS ',
        entity, ' WITH (' || array_to_string(min(view.reloptions), ', ') || ')'
    ) INTO header
    FROM pg_class AS view
    WHERE view.oid = to_regclass(format('mart.%I', entity));
    BEGIN
        EXECUTE header || ops.wide_view_query(entity, base, base_columns, FALSE);
        blocked_by := '{}';
    EXCEPTION WHEN invalid_table_definition THEN
        -- A column goes, or gets another type: the view must be made anew.
        blocked_by := ops.view_dependents(to_regclass(format('mart.%I', entity)));
        IF blocked_by = '{}' THEN
            PERFORM ops.recreate_view(
                entity, header || ops.wide_view_query(entity, base, base_columns, FALSE)
            );
        ELSE
            EXECUTE header || ops.wide_view_query(entity, base, base_columns, TRUE);
        END IF;
    END;

    UPDATE ops.wide_columns AS named
    SET view_column = named.column_name
    WHERE
        named.entity_type = entity AND named.view_column IS DISTINCT FROM named.column_name;

    SELECT coalesce(array_agg(present.attname::text ORDER BY present.attnum), '{}')
    INTO kept_columns
    FROM pg_attribute AS present
    WHERE
        present.attrelid = to_regclass(format('mart.%I', entity))
        AND present.attnum > 0
        AND present.attname <> ALL (base_columns)
        AND NOT EXISTS (
            SELECT FROM ops.wide_columns AS named
            WHERE
                named.entity_type = entity
                AND named.column_name = present.attname
                AND named.column_type = format_type(present.atttypid, present.atttypmod)
        );
END;
$$;
COMMENT ON FUNCTION ops.replace_wide_view(text, text) IS
'Bring mart.<entity> up to the metadata: by appending and renaming columns; where that is not '
'enough, by a new view; where others depend on it, by keeping columns that are out of date.';

CREATE OR REPLACE FUNCTION ops.build_wide_view(entity text, description text, base text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog
-- Whoever waits for a view makes its next readers wait; later is soon enough.
SET lock_timeout = '100ms'
AS $$
DECLARE
    view CONSTANT regclass := to_regclass(format('mart.%I', entity));
    wanted ops.wide_views;
    last ops.wide_views;
    hint text;
BEGIN
    wanted.entity_type := entity;
    SELECT
        md5(
            concat_ws(
                E'\n',
                'generator 1',
                description,
                base,
                string_agg(
                    format(
                        '%s %s %L %L %L', field.account_id, field.id, field.name, field.code,
                        field.type
                    ),
                    E'\n' ORDER BY field.account_id, field.id
                )
            )
        )
    INTO wanted.signature
    FROM amo.custom_fields AS field
    WHERE field.entity_type = entity AND field.deleted_at IS NULL;
    SELECT * INTO last FROM ops.wide_views WHERE entity_type = entity;
    IF
        view IS NOT NULL
        AND last.signature = wanted.signature
        AND (last.kept_columns = '{}' OR last.blocked_by = ops.view_dependents(view))
    THEN
        RETURN;
    END IF;

    BEGIN
        SELECT made.blocked_by, made.kept_columns INTO wanted.blocked_by, wanted.kept_columns
        FROM ops.replace_wide_view(entity, base) AS made;
        PERFORM ops.comment_wide_view(entity, description);
        SELECT count(*) INTO wanted.left_out
        FROM ops.wide_columns AS named
        WHERE named.entity_type = entity AND named.column_name IS NULL;
        IF wanted.kept_columns <> '{}' THEN
            wanted.message := format(
                'mart.%s keeps columns that are out of date, because %s depends on it: %s',
                entity, array_to_string(wanted.blocked_by, ', '),
                array_to_string(wanted.kept_columns, ', ')
            );
            hint := 'drop what depends on it, run bin/transform, create it again';
        ELSIF wanted.left_out > 0 THEN
            wanted.message := format(
                'mart.%s has no room for %s more fields', entity, wanted.left_out
            );
            hint := 'a view has at most 1600 columns; they are in amo.custom_field_values';
        END IF;
    EXCEPTION
        WHEN lock_not_available OR deadlock_detected THEN
            wanted.signature := '';
            SELECT
                format('mart.%s could not be changed: it is being read by ', entity)
                || string_agg(
                    DISTINCT format('pid %s (%s)', session.pid, session.application_name), ', '
                )
            INTO wanted.message
            FROM pg_locks AS held
            INNER JOIN pg_stat_activity AS session ON held.pid = session.pid
            WHERE held.relation = view AND held.pid <> pg_backend_pid();
            wanted.message := coalesce(
                wanted.message, format('mart.%s could not be changed: it was being read', entity)
            );
            hint := 'it works as before; the next transform tries again';
        WHEN
            insufficient_privilege OR wrong_object_type OR too_many_columns
            OR dependent_objects_still_exist OR duplicate_column
        THEN
            -- Without a view of ours there is nothing that works as before.
            IF view IS NULL THEN
                RAISE;
            END IF;
            wanted.signature := '';
            wanted.message := format('mart.%s could not be changed: %s', entity, SQLERRM);
            hint := 'it is as before; the next transform tries again';
    END;

    IF wanted.message IS NOT NULL THEN
        RAISE WARNING '%', wanted.message USING HINT = hint;
    END IF;
    INSERT INTO ops.wide_views AS stored (
        entity_type, signature, kept_columns, blocked_by, left_out, message
    )
    VALUES (
        entity, wanted.signature, coalesce(wanted.kept_columns, last.kept_columns, '{}'),
        coalesce(wanted.blocked_by, last.blocked_by, '{}'),
        coalesce(wanted.left_out, last.left_out, 0), wanted.message
    )
    ON CONFLICT ON CONSTRAINT wide_views_pkey DO UPDATE SET
        signature = excluded.signature,
        kept_columns = excluded.kept_columns,
        blocked_by = excluded.blocked_by,
        left_out = excluded.left_out,
        message = excluded.message,
        changed_at = now();
END;
$$;
COMMENT ON FUNCTION ops.build_wide_view(text, text, text) IS
'mart.<entity>: the query base and a column for each custom field. Nothing is done while the '
'metadata are the same; never fails because others read the view or depend on it.';
