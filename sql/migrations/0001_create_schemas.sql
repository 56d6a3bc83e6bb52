-- Purpose: the four schemas of the product and the ledger of migrations itself.
-- Writes:  schemas staging, amo, mart, ops; ops.migrations
-- Re-run:  safe; what exists is kept.

-- CREATE SCHEMA IF NOT EXISTS asks for the right to create one even where it exists: the owner
-- of the schemas that contrib/roles.sql made has no such right, and needs none.
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['staging', 'amo', 'mart', 'ops'] LOOP
        IF to_regnamespace(name) IS NULL THEN
            EXECUTE format('CREATE SCHEMA %I', name);
        END IF;
    END LOOP;
END;
$$;

COMMENT ON SCHEMA staging IS
'Pages of the API as they came and what one transform makes of them; UNLOGGED, disposable.';

COMMENT ON SCHEMA amo IS
'The account: one current row per entity, typed, keyed by (account_id, id).';

COMMENT ON SCHEMA mart IS 'Views for people and BI.';

COMMENT ON SCHEMA ops IS 'Everything about runs: ledgers, counters, rejects, versions.';

CREATE TABLE IF NOT EXISTS ops.migrations (
    name text CONSTRAINT migrations_pkey PRIMARY KEY,
    checksum text NOT NULL,
    version text NOT NULL,
    applied_by text NOT NULL DEFAULT session_user,
    applied_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE ops.migrations IS
'Applied migrations; an edited or missing file is noticed by its checksum (bin/migrate verify).';
COMMENT ON COLUMN ops.migrations.name IS 'File without .sql.';
COMMENT ON COLUMN ops.migrations.applied_by IS 'Role that applied it.';
COMMENT ON COLUMN ops.migrations.applied_at IS 'When.';
COMMENT ON COLUMN ops.migrations.checksum IS 'SHA-256 of the file with LF line ends.';
COMMENT ON COLUMN ops.migrations.version IS 'Version of the program that applied it.';
