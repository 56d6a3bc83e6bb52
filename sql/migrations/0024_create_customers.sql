-- Purpose: customers: the shape of the JSON, the typed rows of one transform, the table.
-- Writes:  staging.customer_json, staging.customers, amo.customers
-- Re-run:  safe; what exists is kept.

DO $$
BEGIN
    IF to_regtype('staging.customer_json') IS NULL THEN
        CREATE TYPE staging.customer_json AS (
            id bigint,
            name text,
            next_price numeric,
            next_date staging.unix_seconds,
            responsible_user_id bigint,
            group_id bigint,
            status_id bigint,
            periodicity integer,
            created_by bigint,
            updated_by bigint,
            created_at staging.unix_seconds,
            updated_at staging.unix_seconds,
            closest_task_at staging.unix_seconds,
            is_deleted boolean,
            ltv numeric,
            purchases_count bigint,
            average_check numeric
        );
    END IF;
END;
$$;
COMMENT ON TYPE staging.customer_json IS
'What amoCRM sends for one of customers; other keys stay in amo.documents.';

CREATE TABLE IF NOT EXISTS amo.customers (
    account_id bigint NOT NULL,
    id bigint NOT NULL,
    name text,
    next_price numeric,
    next_date timestamptz,
    responsible_user_id bigint,
    group_id bigint,
    status_id bigint,
    periodicity integer,
    created_by bigint,
    updated_by bigint,
    created_at timestamptz,
    closest_task_at timestamptz,
    is_deleted boolean,
    ltv numeric,
    purchases_count bigint,
    average_check numeric,
    updated_at timestamptz,
    deleted_at timestamptz,
    changed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT customers_pkey PRIMARY KEY (account_id, id)
) WITH (fillfactor = 90);
COMMENT ON TABLE amo.customers IS 'Customers (repeated sales).';
COMMENT ON COLUMN amo.customers.account_id IS 'The account in amoCRM.';
COMMENT ON COLUMN amo.customers.id IS 'Id in amoCRM.';
COMMENT ON COLUMN amo.customers.name IS 'As people see it in amoCRM.';
COMMENT ON COLUMN amo.customers.next_price IS 'Sum that is expected next.';
COMMENT ON COLUMN amo.customers.next_date IS 'When it is expected.';
COMMENT ON COLUMN amo.customers.responsible_user_id IS 'Of amo.users.';
COMMENT ON COLUMN amo.customers.group_id IS 'Group of the responsible user, amo.groups.';
COMMENT ON COLUMN amo.customers.status_id IS 'Of amo.customer_statuses.';
COMMENT ON COLUMN amo.customers.periodicity IS 'Days between two purchases.';
COMMENT ON COLUMN amo.customers.created_by IS 'User who created it; 0: a robot or the API.';
COMMENT ON COLUMN amo.customers.updated_by IS 'User who last changed it; 0: a robot or the API.';
COMMENT ON COLUMN amo.customers.created_at IS 'When it was created in amoCRM.';
COMMENT ON COLUMN amo.customers.closest_task_at IS 'Term of its next open task.';
COMMENT ON COLUMN amo.customers.is_deleted IS
'What the list says: TRUE for what lies in the trash.';
COMMENT ON COLUMN amo.customers.ltv IS 'Sum of all purchases.';
COMMENT ON COLUMN amo.customers.purchases_count IS 'How many there were.';
COMMENT ON COLUMN amo.customers.average_check IS 'Their mean.';
COMMENT ON COLUMN amo.customers.updated_at IS 'When it was last changed in amoCRM.';
COMMENT ON COLUMN amo.customers.deleted_at IS 'When amoCRM was found not to have it any more.';
COMMENT ON COLUMN amo.customers.changed_at IS 'When this row was last written here.';

CREATE UNLOGGED TABLE IF NOT EXISTS staging.customers (
    LIKE amo.customers INCLUDING DEFAULTS
) WITH (autovacuum_enabled = FALSE);
COMMENT ON TABLE staging.customers IS
'Rows of amo.customers that one transform is about to merge.';
