-- Purpose: tags of entities from the documents that changed.
-- Version: 1
-- Reads:   staging.changed_documents
-- Writes:  staging.entity_tags, ops.rejects
-- Re-run:  safe; rebuilt from scratch.

TRUNCATE staging.entity_tags;

INSERT INTO staging.entity_tags (account_id, entity_type, entity_id, tag_id)
SELECT DISTINCT
    document.account_id,
    document.stream AS entity_type,
    document.entity_id,
    tag.id AS tag_id
FROM staging.changed_documents AS document
CROSS JOIN
    LATERAL
    jsonb_path_query(document.doc, '$._embedded.tags[*].id') AS item (id)
CROSS JOIN LATERAL (SELECT staging.to_bigint(item.id #>> '{}') AS id) AS tag
WHERE
    document.stream IN ('leads', 'contacts', 'companies', 'customers')
    AND tag.id IS NOT NULL;

SELECT staging.reject_without_id(
    '{leads,contacts,companies,customers}', '$._embedded.tags[*]', 'a tag without a usable id'
);
