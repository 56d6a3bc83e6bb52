-- Purpose: put a new view in the place of one in mart, with all that belongs to it.
-- Writes:  ops.recreate_view(), ops.comment_wide_view()
-- Re-run:  safe; functions are replaced by the same text.

CREATE OR REPLACE FUNCTION ops.recreate_view(name text, query text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
DECLARE
    aside CONSTANT text := name || ' ~ old';
    old pg_class;
    new pg_class;
    statement text;
BEGIN
    SELECT * INTO old FROM pg_class WHERE oid = to_regclass(format('mart.%I', name));
    -- Both exist for a moment, so that the catalogue tells what is to be taken over.
    EXECUTE format('ALTER VIEW mart.%I RENAME TO %I', name, aside);
    EXECUTE query;
    SELECT * INTO new FROM pg_class WHERE oid = to_regclass(format('mart.%I', name));
    IF old.relowner <> new.relowner THEN
        EXECUTE format('ALTER VIEW mart.%I OWNER TO %I', name, pg_get_userbyid(old.relowner));
    END IF;
    FOR statement IN
        -- What default privileges have given, the old view need not have had.
        SELECT DISTINCT
            format(
                'REVOKE ALL ON mart.%I FROM %s',
                name,
                CASE granted.grantee
                    WHEN 0 THEN 'PUBLIC'
                    ELSE quote_ident(pg_get_userbyid(granted.grantee))
                END
            )
        FROM aclexplode(new.relacl) AS granted
        WHERE granted.grantee <> new.relowner
    LOOP
        EXECUTE statement;
    END LOOP;
    FOR statement IN
        SELECT
            format(
                'GRANT %s%s ON mart.%I TO %s%s',
                granted.privilege_type,
                ' (' || quote_ident(source.attname) || ')',
                name,
                CASE granted.grantee
                    WHEN 0 THEN 'PUBLIC'
                    ELSE quote_ident(pg_get_userbyid(granted.grantee))
                END,
                CASE WHEN granted.is_grantable THEN ' WITH GRANT OPTION' END
            )
        FROM (
            SELECT NULL AS attname, old.relacl AS acl
            UNION ALL
            SELECT before.attname, before.attacl
            FROM pg_attribute AS before
            INNER JOIN pg_attribute AS after
                ON before.attname = after.attname AND after.attrelid = new.oid
            WHERE before.attrelid = old.oid AND before.attnum > 0
        ) AS source
        CROSS JOIN LATERAL aclexplode(source.acl) AS granted
        WHERE granted.grantee <> old.relowner
    LOOP
        EXECUTE statement;
    END LOOP;
    -- Without CASCADE: what depends on it must not vanish.
    EXECUTE format('DROP VIEW mart.%I', aside);
END;
$$;
COMMENT ON FUNCTION ops.recreate_view(text, text) IS
'Put a new view in the place of mart.<name>, with its owner, grants and grants on columns.';

CREATE OR REPLACE FUNCTION ops.comment_wide_view(entity text, description text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
DECLARE
    statement text;
BEGIN
    EXECUTE format('COMMENT ON VIEW mart.%I IS %L', entity, description);
    FOR statement IN
        SELECT
            format(
                'COMMENT ON COLUMN mart.%I.%I IS %L',
                entity,
                attribute.attname,
                coalesce(
                    custom.said,
                    own.said,
                    col_description(to_regclass(format('amo.%I', entity)), plain.attnum)
                )
            )
        FROM pg_attribute AS attribute
        LEFT JOIN (
            SELECT
                named.view_column,
                string_agg(
                    format(
                        'Custom field %s of account %s: "%s", code %s, type %s.',
                        field.id, field.account_id, field.name, coalesce(field.code, '-'),
                        coalesce(field.type, '-')
                    ),
                    ' ' ORDER BY field.account_id, field.id
                ) AS said
            FROM ops.wide_columns AS named
            INNER JOIN amo.custom_fields AS field
                ON
                    field.account_id = named.account_id
                    AND field.entity_type = named.entity_type
                    AND field.id = named.field_id
            WHERE named.entity_type = entity
            GROUP BY named.view_column
        ) AS custom
            ON attribute.attname = custom.view_column
        LEFT JOIN (
            VALUES
            ('price', 'With the minor units, where amoCRM gives them.'),
            ('pipeline_name', 'Name of pipeline_id.'),
            ('status_name', 'Name of status_id.'),
            ('loss_reason_name', 'Name of loss_reason_id.'),
            ('responsible_user_name', 'Name of responsible_user_id.'),
            ('group_name', 'Name of group_id.'),
            ('source_name', 'Name of source_id.'),
            ('created_by_name', 'Name of created_by.'),
            ('updated_by_name', 'Name of updated_by.'),
            ('company_id', 'Its company; of several the one with the smallest id.'),
            ('company_name', 'Name of company_id.'),
            ('main_contact_id', 'The contact whose link is marked as main.'),
            ('main_contact_name', 'Name of main_contact_id.'),
            ('phones', 'The valid ones, E.164, in their order.'),
            ('emails', 'The valid ones, in their order.'),
            ('inn', 'The first one with the right check digits.'),
            ('tags', 'Its tags, by name.')
        ) AS own (column_name, said)
            ON attribute.attname = own.column_name
        LEFT JOIN pg_attribute AS plain
            ON
                plain.attrelid = to_regclass(format('amo.%I', entity))
                AND plain.attname = attribute.attname
        WHERE attribute.attrelid = to_regclass(format('mart.%I', entity)) AND attribute.attnum > 0
    LOOP
        EXECUTE statement;
    END LOOP;
END;
$$;
COMMENT ON FUNCTION ops.comment_wide_view(text, text) IS
'Say of each column which field it is, or what stands in it.';
