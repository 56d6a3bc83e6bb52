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
COMMENT ON COLUMN amo.contacts.deleted_at IS 'When amoCRM was found not to have it any more.';
COMMENT ON COLUMN amo.contacts.changed_at IS 'When this row was last written here.';

CREATE UNLOGGED TABLE IF NOT EXISTS staging.contacts (
    LIKE amo.contacts INCLUDING DEFAULTS
) WITH (autovacuum_enabled = FALSE);
COMMENT ON TABLE staging.contacts IS
'Rows of amo.contacts that one transform is about to merge.';
