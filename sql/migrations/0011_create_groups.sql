-- Purpose: groups: the shape of the JSON, the typed rows of one transform, the table.
-- Writes:  staging.group_json, staging.groups, amo.groups
-- Re-run:  safe; what exists is kept.

DO $$
BEGIN
    IF to_regtype('staging.group_json') IS NULL THEN
        CREATE TYPE staging.group_json AS (
            id bigint,
            name text,
            uuid text,
            updated_at staging.unix_seconds
        );
    END IF;
END;
$$;
COMMENT ON TYPE staging.group_json IS
'What amoCRM sends for one of groups; other keys stay in amo.documents.';

CREATE TABLE IF NOT EXISTS amo.groups (
    account_id bigint NOT NULL,
    id bigint NOT NULL,
    name text,
    uuid text,
    updated_at timestamptz,
    deleted_at timestamptz,
    changed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT groups_pkey PRIMARY KEY (account_id, id)
);
COMMENT ON TABLE amo.groups IS 'User groups (departments); id 0 is a real one.';
COMMENT ON COLUMN amo.groups.account_id IS 'The account in amoCRM.';
COMMENT ON COLUMN amo.groups.id IS 'Id in amoCRM.';
COMMENT ON COLUMN amo.groups.name IS 'As people see it in amoCRM.';
COMMENT ON COLUMN amo.groups.uuid IS 'Its UUID in amoCRM.';
COMMENT ON COLUMN amo.groups.updated_at IS 'When it was last changed in amoCRM.';
COMMENT ON COLUMN amo.groups.deleted_at IS 'When amoCRM was found not to have it any more.';
COMMENT ON COLUMN amo.groups.changed_at IS 'When this row was last written here.';

CREATE UNLOGGED TABLE IF NOT EXISTS staging.groups (
    LIKE amo.groups INCLUDING DEFAULTS
) WITH (autovacuum_enabled = FALSE);
COMMENT ON TABLE staging.groups IS 'Rows of amo.groups that one transform is about to merge.';
