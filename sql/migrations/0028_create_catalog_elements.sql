-- Purpose: catalog_elements: the shape of the JSON, the typed rows of one transform, the table.
-- Writes:  staging.catalog_element_json, staging.catalog_elements, amo.catalog_elements
-- Re-run:  safe; what exists is kept.

DO $$
BEGIN
    IF to_regtype('staging.catalog_element_json') IS NULL THEN
        CREATE TYPE staging.catalog_element_json AS (
            id bigint,
            catalog_id bigint,
            name text,
            created_by bigint,
            updated_by bigint,
            created_at staging.unix_seconds,
            updated_at staging.unix_seconds,
            is_deleted boolean,
            invoice_link text,
            currency_id bigint
        );
    END IF;
END;
$$;
COMMENT ON TYPE staging.catalog_element_json IS
'What amoCRM sends for one of catalog_elements; other keys stay in amo.documents.';

CREATE TABLE IF NOT EXISTS amo.catalog_elements (
    account_id bigint NOT NULL,
    id bigint NOT NULL,
    catalog_id bigint,
    name text,
    created_by bigint,
    updated_by bigint,
    created_at timestamptz,
    is_deleted boolean,
    invoice_link text,
    currency_id bigint,
    updated_at timestamptz,
    deleted_at timestamptz,
    changed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT catalog_elements_pkey PRIMARY KEY (account_id, id)
) WITH (fillfactor = 90);
COMMENT ON TABLE amo.catalog_elements IS 'Elements of lists.';
COMMENT ON COLUMN amo.catalog_elements.account_id IS 'The account in amoCRM.';
COMMENT ON COLUMN amo.catalog_elements.id IS 'Id in amoCRM.';
COMMENT ON COLUMN amo.catalog_elements.catalog_id IS 'Of amo.catalogs.';
COMMENT ON COLUMN amo.catalog_elements.name IS 'As people see it in amoCRM.';
COMMENT ON COLUMN amo.catalog_elements.created_by IS 'User who created it; 0: a robot or the API.';
COMMENT ON COLUMN amo.catalog_elements.updated_by IS
'User who last changed it; 0: a robot or the API.';
COMMENT ON COLUMN amo.catalog_elements.created_at IS 'When it was created in amoCRM.';
COMMENT ON COLUMN amo.catalog_elements.is_deleted IS
'What the list says: TRUE for what lies in the trash.';
COMMENT ON COLUMN amo.catalog_elements.invoice_link IS 'Of an invoice: its page for the payer.';
COMMENT ON COLUMN amo.catalog_elements.currency_id IS 'As amoCRM counts currencies.';
COMMENT ON COLUMN amo.catalog_elements.updated_at IS 'When it was last changed in amoCRM.';
COMMENT ON COLUMN amo.catalog_elements.deleted_at IS
'When amoCRM was found not to have it any more.';
COMMENT ON COLUMN amo.catalog_elements.changed_at IS 'When this row was last written here.';

CREATE UNLOGGED TABLE IF NOT EXISTS staging.catalog_elements (
    LIKE amo.catalog_elements INCLUDING DEFAULTS
) WITH (autovacuum_enabled = FALSE);
COMMENT ON TABLE staging.catalog_elements IS
'Rows of amo.catalog_elements that one transform is about to merge.';
