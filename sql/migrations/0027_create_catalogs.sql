-- Purpose: catalogs: the shape of the JSON, the typed rows of one transform, the table.
-- Writes:  staging.catalog_json, staging.catalogs, amo.catalogs
-- Re-run:  safe; what exists is kept.

DO $$
BEGIN
    IF to_regtype('staging.catalog_json') IS NULL THEN
        CREATE TYPE staging.catalog_json AS (
            id bigint,
            name text,
            type text,
            sort integer,
            created_by bigint,
            updated_by bigint,
            created_at staging.unix_seconds,
            updated_at staging.unix_seconds,
            can_add_elements boolean,
            can_show_in_cards boolean,
            can_link_multiple boolean,
            can_be_deleted boolean,
            sdk_widget_code text
        );
    END IF;
END;
$$;
COMMENT ON TYPE staging.catalog_json IS
'What amoCRM sends for one of catalogs; other keys stay in amo.documents.';

CREATE TABLE IF NOT EXISTS amo.catalogs (
    account_id bigint NOT NULL,
    id bigint NOT NULL,
    name text,
    type text,
    sort integer,
    created_by bigint,
    updated_by bigint,
    created_at timestamptz,
    can_add_elements boolean,
    can_show_in_cards boolean,
    can_link_multiple boolean,
    can_be_deleted boolean,
    sdk_widget_code text,
    updated_at timestamptz,
    deleted_at timestamptz,
    changed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT catalogs_pkey PRIMARY KEY (account_id, id)
);
COMMENT ON TABLE amo.catalogs IS 'Lists: products, invoices and own ones.';
COMMENT ON COLUMN amo.catalogs.account_id IS 'The account in amoCRM.';
COMMENT ON COLUMN amo.catalogs.id IS 'Id in amoCRM.';
COMMENT ON COLUMN amo.catalogs.name IS 'As people see it in amoCRM.';
COMMENT ON COLUMN amo.catalogs.type IS 'regular, invoices or products.';
COMMENT ON COLUMN amo.catalogs.sort IS 'Place in the order of the account.';
COMMENT ON COLUMN amo.catalogs.created_by IS 'User who created it; 0: a robot or the API.';
COMMENT ON COLUMN amo.catalogs.updated_by IS 'User who last changed it; 0: a robot or the API.';
COMMENT ON COLUMN amo.catalogs.created_at IS 'When it was created in amoCRM.';
COMMENT ON COLUMN amo.catalogs.can_add_elements IS 'People may add elements.';
COMMENT ON COLUMN amo.catalogs.can_show_in_cards IS 'Shown in the cards of entities.';
COMMENT ON COLUMN amo.catalogs.can_link_multiple IS 'An entity may have several of its elements.';
COMMENT ON COLUMN amo.catalogs.can_be_deleted IS 'May be deleted by people.';
COMMENT ON COLUMN amo.catalogs.sdk_widget_code IS 'Of the widget that made it.';
COMMENT ON COLUMN amo.catalogs.updated_at IS 'When it was last changed in amoCRM.';
COMMENT ON COLUMN amo.catalogs.deleted_at IS 'When amoCRM was found not to have it any more.';
COMMENT ON COLUMN amo.catalogs.changed_at IS 'When this row was last written here.';

CREATE UNLOGGED TABLE IF NOT EXISTS staging.catalogs (
    LIKE amo.catalogs INCLUDING DEFAULTS
) WITH (autovacuum_enabled = FALSE);
COMMENT ON TABLE staging.catalogs IS
'Rows of amo.catalogs that one transform is about to merge.';
