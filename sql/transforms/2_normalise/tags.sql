-- Purpose: typed rows of tags from the documents that changed.
-- Version: 1
-- Reads:   staging.changes, amo.documents, ops.streams
-- Writes:  staging.tags, ops.rejects
-- Re-run:  safe; rebuilt from scratch.

TRUNCATE staging.tags;

INSERT INTO staging.tags (
    account_id, entity_type, id, name, color, updated_at, deleted_at
)
SELECT
    change.account_id,
    stream.entity_type,
    tag.id,
    tag.name,
    tag.color,
    to_timestamp(tag.updated_at) AS updated_at,
    document.deleted_at
FROM staging.changes AS change
INNER JOIN ops.streams AS stream
    ON change.stream = stream.name
INNER JOIN amo.documents AS document
    ON
        change.account_id = document.account_id
        AND change.stream = document.stream
        AND change.id = document.id
CROSS JOIN
    LATERAL
    staging.typed(NULL::staging.tag_json, document.doc, change.stream, change.id)
        AS tag
WHERE stream.entity = 'tags' AND tag.id IS NOT NULL;
