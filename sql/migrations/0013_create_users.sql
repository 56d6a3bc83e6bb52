-- Purpose: users: the shape of the JSON, the typed rows of one transform, the table.
-- Writes:  staging.user_json, staging.users, amo.users
-- Re-run:  safe; what exists is kept.

DO $$
BEGIN
    IF to_regtype('staging.user_json') IS NULL THEN
        CREATE TYPE staging.user_json AS (
            id bigint,
            name text,
            email text,
            lang text,
            uuid text,
            amojo_id text,
            user_rank text,
            phone_number text,
            updated_at staging.unix_seconds
        );
    END IF;
END;
$$;
COMMENT ON TYPE staging.user_json IS
'What amoCRM sends for one of users; other keys stay in amo.documents.';

DO $$
BEGIN
    IF to_regtype('staging.user_rights_json') IS NULL THEN
        CREATE TYPE staging.user_rights_json AS (
            is_admin boolean,
            is_free boolean,
            is_active boolean,
            mail_access boolean,
            catalog_access boolean,
            group_id bigint,
            role_id bigint
        );
    END IF;
END;
$$;
COMMENT ON TYPE staging.user_rights_json IS 'The flags inside the rights of a user.';

CREATE TABLE IF NOT EXISTS amo.users (
    account_id bigint NOT NULL,
    id bigint NOT NULL,
    name text,
    email text,
    lang text,
    uuid text,
    amojo_id text,
    user_rank text,
    phone_number text,
    is_admin boolean,
    is_free boolean,
    is_active boolean,
    mail_access boolean,
    catalog_access boolean,
    group_id bigint,
    role_id bigint,
    rights jsonb,
    updated_at timestamptz,
    deleted_at timestamptz,
    changed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT users_pkey PRIMARY KEY (account_id, id)
);
COMMENT ON TABLE amo.users IS 'Users; one who left the account keeps the row.';
COMMENT ON COLUMN amo.users.account_id IS 'The account in amoCRM.';
COMMENT ON COLUMN amo.users.id IS 'Id in amoCRM.';
COMMENT ON COLUMN amo.users.name IS 'As people see it in amoCRM.';
COMMENT ON COLUMN amo.users.email IS 'By which the user signs in.';
COMMENT ON COLUMN amo.users.lang IS 'Language: ru, en, es, pt.';
COMMENT ON COLUMN amo.users.uuid IS 'Its UUID in amoCRM.';
COMMENT ON COLUMN amo.users.amojo_id IS 'Id of the user in the chats.';
COMMENT ON COLUMN amo.users.user_rank IS 'newbie, candidate or master.';
COMMENT ON COLUMN amo.users.phone_number IS 'As the user gave it.';
COMMENT ON COLUMN amo.users.is_admin IS 'May do everything, and has no role.';
COMMENT ON COLUMN amo.users.is_free IS 'A user whom nobody pays for.';
COMMENT ON COLUMN amo.users.mail_access IS 'May use the mail of the account.';
COMMENT ON COLUMN amo.users.catalog_access IS 'May use lists.';
COMMENT ON COLUMN amo.users.group_id IS 'Of amo.groups.';
COMMENT ON COLUMN amo.users.role_id IS 'Of amo.roles.';
COMMENT ON COLUMN amo.users.updated_at IS 'When it was last changed in amoCRM.';
COMMENT ON COLUMN amo.users.is_active IS 'FALSE: switched off.';
COMMENT ON COLUMN amo.users.rights IS
'The whole object, with the rights per entity and status.';
COMMENT ON COLUMN amo.users.deleted_at IS 'When amoCRM was found not to have it any more.';
COMMENT ON COLUMN amo.users.changed_at IS 'When this row was last written here.';

CREATE UNLOGGED TABLE IF NOT EXISTS staging.users (
    LIKE amo.users INCLUDING DEFAULTS
) WITH (autovacuum_enabled = FALSE);
COMMENT ON TABLE staging.users IS 'Rows of amo.users that one transform is about to merge.';
