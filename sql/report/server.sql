-- Purpose: what the figures are from: server, database and its size, schema, time zone.
-- Reads:   ops.migrations, pg_class

SELECT
    current_database() AS database,
    current_setting('server_version') AS server_version,
    current_setting('TimeZone') AS time_zone,
    now() AS made_at,
    pg_database_size(current_database()) AS database_bytes,
    (SELECT max(migration.name) FROM ops.migrations AS migration) AS newest_migration,
    (
        SELECT jsonb_object_agg(size.schema, size.bytes)
        FROM (
            SELECT
                namespace.nspname AS schema,
                sum(pg_total_relation_size(relation.oid))::bigint AS bytes
            FROM pg_class AS relation
            INNER JOIN pg_namespace AS namespace
                ON relation.relnamespace = namespace.oid
            WHERE
                namespace.nspname IN ('amo', 'mart', 'ops', 'staging')
                AND relation.relkind IN ('r', 'm')
            GROUP BY namespace.nspname
        ) AS size
    ) AS schema_bytes;
