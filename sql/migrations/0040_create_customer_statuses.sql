-- Purpose: customer_statuses: the shape of the JSON, the typed rows of one transform, the table.
-- Writes:  staging.customer_status_json, staging.customer_statuses, amo.customer_statuses
-- Re-run:  safe; what exists is kept.

DO $$
BEGIN
    IF to_regtype('staging.customer_status_json') IS NULL THEN
        CREATE TYPE staging.customer_status_json AS (
            id bigint,
            name text,
            sort integer,
            is_default boolean,
            color text,
            type integer,
            conditions jsonb,
            updated_at staging.unix_seconds
        );
    END IF;
END;
$$;
COMMENT ON TYPE staging.customer_status_json IS
'What amoCRM sends for one of customer_statuses; other keys stay in amo.documents.';

CREATE TABLE IF NOT EXISTS amo.customer_statuses (
    account_id bigint NOT NULL,
    id bigint NOT NULL,
    name text,
    sort integer,
    is_default boolean,
    color text,
    type integer,
    conditions jsonb,
    updated_at timestamptz,
    deleted_at timestamptz,
    changed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT customer_statuses_pkey PRIMARY KEY (account_id, id)
);
COMMENT ON TABLE amo.customer_statuses IS 'Stages of customers, where periodicity is on.';
COMMENT ON COLUMN amo.customer_statuses.account_id IS 'The account in amoCRM.';
COMMENT ON COLUMN amo.customer_statuses.id IS 'Id in amoCRM.';
COMMENT ON COLUMN amo.customer_statuses.name IS 'As people see it in amoCRM.';
COMMENT ON COLUMN amo.customer_statuses.sort IS 'Place in the order of the account.';
COMMENT ON COLUMN amo.customer_statuses.is_default IS 'The one for new customers.';
COMMENT ON COLUMN amo.customer_statuses.color IS 'As amoCRM gives it.';
COMMENT ON COLUMN amo.customer_statuses.conditions IS 'When a customer comes into it.';
COMMENT ON COLUMN amo.customer_statuses.updated_at IS 'When it was last changed in amoCRM.';
COMMENT ON COLUMN amo.customer_statuses.type IS
'0 normal, 1 purchase expected, 2 not bought, 3 closed, 4 bought recently.';
COMMENT ON COLUMN amo.customer_statuses.deleted_at IS
'When amoCRM was found not to have it any more.';
COMMENT ON COLUMN amo.customer_statuses.changed_at IS 'When this row was last written here.';

CREATE UNLOGGED TABLE IF NOT EXISTS staging.customer_statuses (
    LIKE amo.customer_statuses INCLUDING DEFAULTS
) WITH (autovacuum_enabled = FALSE);
COMMENT ON TABLE staging.customer_statuses IS
'Rows of amo.customer_statuses that one transform is about to merge.';
