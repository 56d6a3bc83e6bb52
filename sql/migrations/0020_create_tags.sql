-- Purpose: tags: the shape of the JSON, the typed rows of one transform, the table.
-- Writes:  staging.tag_json, staging.tags, amo.tags
-- Re-run:  safe; what exists is kept.

DO $$
BEGIN
    IF to_regtype('staging.tag_json') IS NULL THEN
        CREATE TYPE staging.tag_json AS (
            id bigint,
            name text,
            color text,
            updated_at staging.unix_seconds
        );
    END IF;
END;
$$;
COMMENT ON TYPE staging.tag_json IS
'What amoCRM sends for one of tags; other keys stay in amo.documents.';

CREATE TABLE IF NOT EXISTS amo.tags (
    account_id bigint NOT NULL,
    entity_type text NOT NULL,
    id bigint NOT NULL,
    name text,
    color text,
    updated_at timestamptz,
    deleted_at timestamptz,
    changed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT tags_pkey PRIMARY KEY (account_id, entity_type, id)
);
COMMENT ON TABLE amo.tags IS 'Tags; each entity type has its own dictionary.';
COMMENT ON COLUMN amo.tags.account_id IS 'The account in amoCRM.';
COMMENT ON COLUMN amo.tags.entity_type IS 'In the plural: leads, contacts, companies, customers …';
COMMENT ON COLUMN amo.tags.id IS 'Id in amoCRM.';
COMMENT ON COLUMN amo.tags.name IS 'As people see it in amoCRM.';
COMMENT ON COLUMN amo.tags.updated_at IS 'When it was last changed in amoCRM.';
COMMENT ON COLUMN amo.tags.color IS 'Hexadecimal without #; leads only.';
COMMENT ON COLUMN amo.tags.deleted_at IS 'When amoCRM was found not to have it any more.';
COMMENT ON COLUMN amo.tags.changed_at IS 'When this row was last written here.';

CREATE UNLOGGED TABLE IF NOT EXISTS staging.tags (
    LIKE amo.tags INCLUDING DEFAULTS
) WITH (autovacuum_enabled = FALSE);
COMMENT ON TABLE staging.tags IS 'Rows of amo.tags that one transform is about to merge.';
