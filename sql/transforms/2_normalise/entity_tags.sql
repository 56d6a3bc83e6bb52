-- Purpose: tags of entities from the documents that changed.
-- Version: 1
-- Reads:   staging.changes, amo.documents
-- Writes:  staging.entity_tags
-- Re-run:  safe; rebuilt from scratch.

TRUNCATE staging.entity_tags;

INSERT INTO staging.entity_tags (account_id, entity_type, entity_id, tag_id)
SELECT DISTINCT
    change.account_id,
    change.stream AS entity_type,
    change.entity_id,
    tag.id AS tag_id
FROM staging.changes AS change
INNER JOIN amo.documents AS document
    ON
        change.account_id = document.account_id
        AND change.stream = document.stream
        AND change.id = document.id
CROSS JOIN
    LATERAL
    jsonb_path_query(document.doc, '$._embedded.tags[*].id') AS item (id)
CROSS JOIN LATERAL (SELECT staging.to_bigint(item.id #>> '{}') AS id) AS tag
WHERE
    change.stream IN ('leads', 'contacts', 'companies', 'customers')
    AND tag.id IS NOT NULL;
