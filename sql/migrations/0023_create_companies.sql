-- Purpose: companies: the shape of the JSON, the typed rows of one transform, the table.
-- Writes:  staging.company_json, staging.companies, amo.companies
-- Re-run:  safe; what exists is kept.

DO $$
BEGIN
    IF to_regtype('staging.company_json') IS NULL THEN
        CREATE TYPE staging.company_json AS (
            id bigint,
            name text,
            responsible_user_id bigint,
            group_id bigint,
            created_by bigint,
            updated_by bigint,
            created_at staging.unix_seconds,
            updated_at staging.unix_seconds,
            closest_task_at staging.unix_seconds,
            is_deleted boolean
        );
    END IF;
END;
$$;
COMMENT ON TYPE staging.company_json IS
'What amoCRM sends for one of companies; other keys stay in amo.documents.';

CREATE TABLE IF NOT EXISTS amo.companies (
    account_id bigint NOT NULL,
    id bigint NOT NULL,
    name text,
    responsible_user_id bigint,
    group_id bigint,
    created_by bigint,
    updated_by bigint,
    created_at timestamptz,
    closest_task_at timestamptz,
    is_deleted boolean,
    updated_at timestamptz,
    deleted_at timestamptz,
    changed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT companies_pkey PRIMARY KEY (account_id, id)
) WITH (fillfactor = 90);
COMMENT ON TABLE amo.companies IS 'Companies.';
COMMENT ON COLUMN amo.companies.account_id IS 'The account in amoCRM.';
COMMENT ON COLUMN amo.companies.id IS 'Id in amoCRM.';
COMMENT ON COLUMN amo.companies.name IS 'As people see it in amoCRM.';
COMMENT ON COLUMN amo.companies.responsible_user_id IS 'Of amo.users.';
COMMENT ON COLUMN amo.companies.group_id IS 'Group of the responsible user, amo.groups.';
COMMENT ON COLUMN amo.companies.created_by IS 'User who created it; 0: a robot or the API.';
COMMENT ON COLUMN amo.companies.updated_by IS 'User who last changed it; 0: a robot or the API.';
COMMENT ON COLUMN amo.companies.created_at IS 'When it was created in amoCRM.';
COMMENT ON COLUMN amo.companies.closest_task_at IS 'Term of its next open task.';
COMMENT ON COLUMN amo.companies.is_deleted IS
'What the list says: TRUE for what lies in the trash.';
COMMENT ON COLUMN amo.companies.updated_at IS 'When it was last changed in amoCRM.';
COMMENT ON COLUMN amo.companies.deleted_at IS 'When amoCRM was found not to have it any more.';
COMMENT ON COLUMN amo.companies.changed_at IS 'When this row was last written here.';

CREATE UNLOGGED TABLE IF NOT EXISTS staging.companies (
    LIKE amo.companies INCLUDING DEFAULTS
) WITH (autovacuum_enabled = FALSE);
COMMENT ON TABLE staging.companies IS
'Rows of amo.companies that one transform is about to merge.';
