-- Purpose: links between entities.
-- Writes:  amo.links, staging.links
-- Re-run:  safe; what exists is kept.

CREATE TABLE IF NOT EXISTS amo.links (
    account_id bigint NOT NULL,
    entity_type text NOT NULL,
    entity_id bigint NOT NULL,
    to_entity_type text NOT NULL,
    to_entity_id bigint NOT NULL,
    is_main boolean,
    catalog_id bigint,
    quantity numeric,
    price_id bigint,
    CONSTRAINT links_pkey
    PRIMARY KEY (account_id, entity_type, entity_id, to_entity_type, to_entity_id)
);
COMMENT ON TABLE amo.links IS
'Links as the entity on the left lists them: leads to contacts, contacts to companies …';
COMMENT ON COLUMN amo.links.account_id IS 'The account in amoCRM.';
COMMENT ON COLUMN amo.links.entity_type IS 'Of the entity that lists the link.';
COMMENT ON COLUMN amo.links.entity_id IS 'Id of the entity, in the table that entity_type names.';
COMMENT ON COLUMN amo.links.to_entity_type IS 'What it is linked to, in the plural.';
COMMENT ON COLUMN amo.links.to_entity_id IS 'Its id.';
COMMENT ON COLUMN amo.links.price_id IS 'For elements of lists: which of its prices.';
COMMENT ON COLUMN amo.links.is_main IS 'The main contact.';
COMMENT ON COLUMN amo.links.catalog_id IS 'For elements of lists: which list.';
COMMENT ON COLUMN amo.links.quantity IS 'For elements of lists: how many.';

CREATE UNLOGGED TABLE IF NOT EXISTS staging.links (
    LIKE amo.links
) WITH (autovacuum_enabled = FALSE);
COMMENT ON TABLE staging.links IS 'Rows of amo.links that one transform is about to merge.';
