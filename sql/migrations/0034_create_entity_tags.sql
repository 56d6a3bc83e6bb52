-- Purpose: which entity carries which tag.
-- Writes:  amo.entity_tags, staging.entity_tags
-- Re-run:  safe; what exists is kept.

CREATE TABLE IF NOT EXISTS amo.entity_tags (
    account_id bigint NOT NULL,
    entity_type text NOT NULL,
    entity_id bigint NOT NULL,
    tag_id bigint NOT NULL,
    CONSTRAINT entity_tags_pkey PRIMARY KEY (account_id, entity_type, entity_id, tag_id)
);
COMMENT ON TABLE amo.entity_tags IS
'Tags of entities; join amo.tags by account_id, entity_type and tag_id.';
COMMENT ON COLUMN amo.entity_tags.account_id IS 'The account in amoCRM.';
COMMENT ON COLUMN amo.entity_tags.entity_type IS
'In the plural: leads, contacts, companies, customers …';
COMMENT ON COLUMN amo.entity_tags.entity_id IS
'Id of the entity, in the table that entity_type names.';
COMMENT ON COLUMN amo.entity_tags.tag_id IS 'Of amo.tags.';

CREATE UNLOGGED TABLE IF NOT EXISTS staging.entity_tags (
    LIKE amo.entity_tags
) WITH (autovacuum_enabled = FALSE);
COMMENT ON TABLE staging.entity_tags IS
'Rows of amo.entity_tags that one transform is about to merge.';
