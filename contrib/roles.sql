-- Purpose: roles with no more rights than they need; contrib/README.md says who is who.
-- Reads:   pg_catalog, to see what is there already
-- Writes:  roles amo_owner, amo_loader, amo_transformer, amo_reader; schemas staging, amo, mart,
--          ops and whose they are; grants and default privileges
-- Re-run:  safe, and due after bin/migrate up. By psql -X -1 -v ON_ERROR_STOP=1 -f, as a role
--          that may create roles; once they exist, amo_transformer may do it.

-- No passwords here: \password amo_loader in psql, or peer or certificates in pg_hba.conf.
DO $$
DECLARE
    wanted record;
BEGIN
    FOR wanted IN
        SELECT role.name, role.attribute, role.purpose
        FROM (
            VALUES
            ('amo_owner', 'NOLOGIN', 'owns the schemas of amo-loader; nobody logs in as it'),
            ('amo_loader', 'LOGIN', 'bin/load: brings pages into staging, and their ledger'),
            ('amo_transformer', 'LOGIN', 'bin/refresh, transform, migrate, tune: is amo_owner'),
            ('amo_reader', 'NOLOGIN', 'a group: reads amo, mart and ops, without the tokens')
        ) AS role (name, attribute, purpose)
        WHERE to_regrole(role.name) IS NULL
    LOOP
        EXECUTE format('CREATE ROLE %I %s', wanted.name, wanted.attribute);
        EXECUTE format('COMMENT ON ROLE %I IS %L', wanted.name, wanted.purpose);
    END LOOP;
END;
$$;

-- A role that creates roles, but is no superuser, has to be amo_owner for a moment, to give away
-- what that owns.
DO $$
BEGIN
    PERFORM set_config('amo.is_guest', (NOT pg_has_role('amo_owner', 'USAGE'))::text, FALSE);
    IF current_setting('amo.is_guest')::boolean THEN
        GRANT amo_owner TO current_user;
    END IF;
END;
$$;

-- amo_transformer is amo_owner from its first statement on, so that all it makes is owned by it.
-- In this database only: elsewhere a role of this name may mean nothing.
DO $$
BEGIN
    IF NOT pg_has_role('amo_transformer', 'amo_owner', 'MEMBER') THEN
        GRANT amo_owner TO amo_transformer;
    END IF;
    IF NOT EXISTS (
        SELECT
        FROM pg_db_role_setting AS setting
        INNER JOIN pg_database AS database
            ON setting.setdatabase = database.oid
        WHERE
            database.datname = current_database()
            AND setting.setrole = 'amo_transformer'::regrole
            AND setting.setconfig @> ARRAY['role=amo_owner']
    ) THEN
        EXECUTE format(
            'ALTER ROLE amo_transformer IN DATABASE %I SET role = amo_owner', current_database()
        );
    END IF;
END;
$$;

-- Where PUBLIC has lost it.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['amo_loader', 'amo_transformer', 'amo_reader'] LOOP
        IF NOT has_database_privilege(name, current_database(), 'CONNECT') THEN
            EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), name);
        END IF;
    END LOOP;
END;
$$;

-- The schemas, so that amo_owner needs no right to create any; and what another role has made.
DO $$
DECLARE
    name text;
    command text;
BEGIN
    FOREACH name IN ARRAY ARRAY['staging', 'amo', 'mart', 'ops'] LOOP
        IF to_regnamespace(name) IS NULL THEN
            EXECUTE format('CREATE SCHEMA %I AUTHORIZATION amo_owner', name);
        ELSIF NOT EXISTS (
            SELECT
            FROM pg_namespace AS namespace
            WHERE namespace.nspname = name AND namespace.nspowner = 'amo_owner'::regrole
        ) THEN
            EXECUTE format('ALTER SCHEMA %I OWNER TO amo_owner', name);
        END IF;
    END LOOP;
    FOR command IN
        SELECT
            CASE relation.relkind
                WHEN 'c' THEN format('ALTER TYPE %s OWNER TO amo_owner', relation.oid::regclass)
                ELSE format('ALTER TABLE %s OWNER TO amo_owner', relation.oid::regclass)
            END
        FROM pg_class AS relation
        WHERE
            relation.relnamespace = ANY (ARRAY['staging', 'amo', 'mart', 'ops']::regnamespace[])
            AND relation.relkind IN ('r', 'p', 'v', 'm', 'c')
            AND relation.relowner <> 'amo_owner'::regrole
        UNION ALL
        SELECT format('ALTER TYPE %s OWNER TO amo_owner', type.oid::regtype)
        FROM pg_type AS type
        WHERE
            type.typnamespace = ANY (ARRAY['staging', 'amo', 'mart', 'ops']::regnamespace[])
            AND type.typtype IN ('d', 'e')
            AND type.typowner <> 'amo_owner'::regrole
        UNION ALL
        SELECT format('ALTER ROUTINE %s OWNER TO amo_owner', routine.oid::regprocedure)
        FROM pg_proc AS routine
        WHERE
            routine.pronamespace = ANY (ARRAY['staging', 'amo', 'mart', 'ops']::regnamespace[])
            AND routine.proowner <> 'amo_owner'::regrole
    LOOP
        EXECUTE command;
    END LOOP;
END;
$$;

-- Readers: everything that is there for people, now and later.
GRANT USAGE ON SCHEMA amo, mart, ops TO amo_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA amo, mart, ops TO amo_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE amo_owner IN SCHEMA amo, mart, ops
GRANT SELECT ON TABLES TO amo_reader;

-- bin/load: tables by name, since who may write the journal of bin/tune or the ledger of
-- migrations could have the owner do things. What a migration adds to the list is granted by
-- running this again.
GRANT USAGE ON SCHEMA staging, amo, ops TO amo_loader;
REVOKE ALL ON ALL TABLES IN SCHEMA staging, amo, mart, ops FROM amo_loader;
DO $$
DECLARE
    granted record;
BEGIN
    FOR granted IN
        SELECT may.privileges, may.name
        FROM (
            VALUES
            -- Spent pages are truncated; to lock the epoch takes the right to change it.
            ('SELECT, INSERT, UPDATE, DELETE, TRUNCATE', 'staging.pages'),
            ('SELECT, INSERT, UPDATE', 'staging.epoch'),
            -- What vanished is found by comparing, a filter by what a field is.
            ('SELECT', 'amo.documents'),
            ('SELECT', 'amo.custom_fields'),
            ('SELECT', 'amo.custom_field_enums'),
            ('SELECT', 'ops.migrations'),
            ('SELECT', 'ops.load_summary'),
            ('SELECT', 'ops.run_metrics'),
            ('SELECT, INSERT, UPDATE', 'ops.runs'),
            ('SELECT, INSERT, UPDATE', 'ops.pages'),
            ('SELECT, INSERT, UPDATE', 'ops.streams'),
            ('SELECT, INSERT, UPDATE', 'ops.run_processes'),
            ('SELECT, INSERT, UPDATE', 'ops.run_requests'),
            ('SELECT, INSERT, UPDATE', 'ops.pace'),
            ('SELECT, INSERT, UPDATE, DELETE', 'ops.run_streams'),
            ('SELECT, INSERT, UPDATE, DELETE', 'ops.watermarks'),
            ('SELECT, INSERT, UPDATE, DELETE', 'ops.selected'),
            ('SELECT, INSERT, DELETE', 'ops.deletions'),
            ('SELECT, INSERT, DELETE', 'ops.rejects'),
            -- It refreshes the pair of OAuth, and is the only one but the owner who sees it.
            ('SELECT, INSERT, UPDATE, DELETE', 'ops.tokens')
        ) AS may (privileges, name)
        WHERE to_regclass(may.name) IS NOT NULL
    LOOP
        EXECUTE format('GRANT %s ON %s TO amo_loader', granted.privileges, granted.name);
    END LOOP;
    IF to_regclass('ops.tokens') IS NOT NULL THEN
        REVOKE ALL ON ops.tokens FROM amo_reader, public;
    END IF;
END;
$$;

DO $$
BEGIN
    IF current_setting('amo.is_guest')::boolean THEN
        REVOKE amo_owner FROM current_user;
    END IF;
END;
$$;
