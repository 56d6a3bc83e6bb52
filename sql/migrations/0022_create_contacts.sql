-- Purpose: contacts: the shape of the JSON, the typed rows of one transform, the table.
-- Writes:  staging.contact_json, staging.contacts, amo.contacts
-- Re-run:  safe; what exists is kept.

DO $$
BEGIN
    IF to_regtype('staging.contact_json') IS NULL THEN
        CREATE TYPE staging.contact_json AS (
            id bigint,
            name text,
            first_name text,
            last_name text,
            responsible_user_id bigint,
            group_id bigint,
            created_by bigint,
            updated_by bigint,
            created_at staging.unix_seconds,
            updated_at staging.unix_seconds,
            closest_task_at staging.unix_seconds,
            is_deleted boolean,
            is_unsorted boolean
        );
    END IF;
END;
$$;
COMMENT ON TYPE staging.contact_json IS
'What amoCRM sends for one of contacts; other keys stay in amo.documents.';

CREATE TABLE IF NOT EXISTS amo.contacts (
    account_id bigint NOT NULL,
    id bigint NOT NULL,
    name text,
    first_name text,
    last_name text,
    responsible_user_id bigint,
    group_id bigint,
    created_by bigint,
    updated_by bigint,
    created_at timestamptz,
    closest_task_at timestamptz,
    is_deleted boolean,
    is_unsorted boolean,
    updated_at timestamptz,
    deleted_at timestamptz,
    changed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT contacts_pkey PRIMARY KEY (account_id, id)
) WITH (fillfactor = 90);
COMMENT ON TABLE amo.contacts IS 'Contacts (people).';
COMMENT ON COLUMN amo.contacts.account_id IS 'The account in amoCRM.';
COMMENT ON COLUMN amo.contacts.id IS 'Id in amoCRM.';
COMMENT ON COLUMN amo.contacts.name IS 'As people see it in amoCRM.';
COMMENT ON COLUMN amo.contacts.first_name IS 'Often empty, name has it all.';
COMMENT ON COLUMN amo.contacts.last_name IS 'Often empty, name has it all.';
COMMENT ON COLUMN amo.contacts.responsible_user_id IS 'Of amo.users.';
COMMENT ON COLUMN amo.contacts.group_id IS 'Group of the responsible user, amo.groups.';
COMMENT ON COLUMN amo.contacts.created_by IS 'User who created it; 0: a robot or the API.';
COMMENT ON COLUMN amo.contacts.updated_by IS 'User who last changed it; 0: a robot or the API.';
COMMENT ON COLUMN amo.contacts.created_at IS 'When it was created in amoCRM.';
COMMENT ON COLUMN amo.contacts.closest_task_at IS 'Term of its next open task.';
COMMENT ON COLUMN amo.contacts.is_deleted IS 'What the list says: TRUE for what lies in the trash.';
COMMENT ON COLUMN amo.contacts.is_unsorted IS 'Belongs to an incoming lead.';
COMMENT ON COLUMN amo.contacts.updated_at IS 'When it was last changed in amoCRM.';
COMMENT ON COLUMN amo.contacts.deleted_at IS 'When amoCRM was found not to have it any more.';
COMMENT ON COLUMN amo.contacts.changed_at IS 'When this row was last written here.';

CREATE UNLOGGED TABLE IF NOT EXISTS staging.contacts (
    LIKE amo.contacts INCLUDING DEFAULTS
) WITH (autovacuum_enabled = FALSE);
COMMENT ON TABLE staging.contacts IS
'Rows of amo.contacts that one transform is about to merge.';
