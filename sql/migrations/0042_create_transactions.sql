-- Purpose: transactions: the shape of the JSON, the typed rows of one transform, the table.
-- Writes:  staging.purchase_json, staging.transactions, amo.transactions
-- Re-run:  safe; what exists is kept.

DO $$
BEGIN
    IF to_regtype('staging.purchase_json') IS NULL THEN
        CREATE TYPE staging.purchase_json AS (
            id bigint,
            price numeric,
            comment text,
            completed_at staging.unix_seconds,
            created_by bigint,
            updated_by bigint,
            created_at staging.unix_seconds,
            updated_at staging.unix_seconds,
            is_deleted boolean
        );
    END IF;
END;
$$;
COMMENT ON TYPE staging.purchase_json IS
'What amoCRM sends for one of transactions; other keys stay in amo.documents.';

CREATE TABLE IF NOT EXISTS amo.transactions (
    account_id bigint NOT NULL,
    id bigint NOT NULL,
    price numeric,
    comment text,
    completed_at timestamptz,
    created_by bigint,
    updated_by bigint,
    created_at timestamptz,
    is_deleted boolean,
    customer_id bigint,
    updated_at timestamptz,
    deleted_at timestamptz,
    changed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT transactions_pkey PRIMARY KEY (account_id, id)
);
COMMENT ON TABLE amo.transactions IS 'Purchases of customers.';
COMMENT ON COLUMN amo.transactions.account_id IS 'The account in amoCRM.';
COMMENT ON COLUMN amo.transactions.id IS 'Id in amoCRM.';
COMMENT ON COLUMN amo.transactions.price IS 'Sum of the purchase.';
COMMENT ON COLUMN amo.transactions.comment IS 'As typed.';
COMMENT ON COLUMN amo.transactions.completed_at IS 'When it was bought.';
COMMENT ON COLUMN amo.transactions.created_by IS 'User who created it; 0: a robot or the API.';
COMMENT ON COLUMN amo.transactions.updated_by IS 'User who last changed it; 0: a robot or the API.';
COMMENT ON COLUMN amo.transactions.created_at IS 'When it was created in amoCRM.';
COMMENT ON COLUMN amo.transactions.is_deleted IS
'What the list says: TRUE for what lies in the trash.';
COMMENT ON COLUMN amo.transactions.customer_id IS 'Of amo.customers.';
COMMENT ON COLUMN amo.transactions.updated_at IS 'When it was last changed in amoCRM.';
COMMENT ON COLUMN amo.transactions.deleted_at IS
'When amoCRM was found not to have it any more.';
COMMENT ON COLUMN amo.transactions.changed_at IS 'When this row was last written here.';

CREATE UNLOGGED TABLE IF NOT EXISTS staging.transactions (
    LIKE amo.transactions INCLUDING DEFAULTS
) WITH (autovacuum_enabled = FALSE);
COMMENT ON TABLE staging.transactions IS
'Rows of amo.transactions that one transform is about to merge.';
