-- Purpose: roles: the shape of the JSON, the typed rows of one transform, the table.
-- Writes:  staging.role_json, staging.roles, amo.roles
-- Re-run:  safe; what exists is kept.

DO $$
BEGIN
    IF to_regtype('staging.role_json') IS NULL THEN
        CREATE TYPE staging.role_json AS (
            id bigint,
            name text,
            rights jsonb,
            updated_at staging.unix_seconds
        );
    END IF;
END;
$$;
COMMENT ON TYPE staging.role_json IS
'What amoCRM sends for one of roles; other keys stay in amo.documents.';

CREATE TABLE IF NOT EXISTS amo.roles (
    account_id bigint NOT NULL,
    id bigint NOT NULL,
    name text,
    rights jsonb,
    user_ids jsonb,
    updated_at timestamptz,
    deleted_at timestamptz,
    changed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT roles_pkey PRIMARY KEY (account_id, id)
);
COMMENT ON TABLE amo.roles IS
'Roles; administrator and free user are flags of a user, not roles.';
COMMENT ON COLUMN amo.roles.account_id IS 'The account in amoCRM.';
COMMENT ON COLUMN amo.roles.id IS 'Id in amoCRM.';
COMMENT ON COLUMN amo.roles.name IS 'As people see it in amoCRM.';
COMMENT ON COLUMN amo.roles.rights IS 'The whole object, as in amo.users.';
COMMENT ON COLUMN amo.roles.updated_at IS 'When it was last changed in amoCRM.';
COMMENT ON COLUMN amo.roles.user_ids IS 'JSON list of user ids.';
COMMENT ON COLUMN amo.roles.deleted_at IS 'When amoCRM was found not to have it any more.';
COMMENT ON COLUMN amo.roles.changed_at IS 'When this row was last written here.';

CREATE UNLOGGED TABLE IF NOT EXISTS staging.roles (
    LIKE amo.roles INCLUDING DEFAULTS
) WITH (autovacuum_enabled = FALSE);
COMMENT ON TABLE staging.roles IS 'Rows of amo.roles that one transform is about to merge.';
