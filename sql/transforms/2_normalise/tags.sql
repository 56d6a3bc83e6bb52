-- Purpose: typed rows of tags from the documents that changed.
-- Version: 1
-- Reads:   staging.changed_documents, ops.streams
-- Writes:  staging.tags, ops.rejects
-- Re-run:  safe; rebuilt from scratch.

TRUNCATE staging.tags;

INSERT INTO staging.tags (
    account_id, entity_type, id, name, color, updated_at, deleted_at
)
SELECT
    document.account_id,
    stream.entity_type,
    tag.id,
    tag.name,
    tag.color,
    to_timestamp(tag.updated_at) AS updated_at,
    document.deleted_at
FROM staging.changed_documents AS document
INNER JOIN ops.streams AS stream
    ON document.stream = stream.name
CROSS JOIN
    LATERAL
    staging.typed(NULL::staging.tag_json, document.doc, document.stream, document.id)
        AS tag
WHERE stream.entity = 'tags' AND tag.id IS NOT NULL;
