-- Purpose: links between entities from the documents that changed.
-- Version: 1
-- Reads:   staging.changed_documents
-- Writes:  staging.links, ops.rejects
-- Re-run:  safe; rebuilt from scratch.

TRUNCATE staging.links;

INSERT INTO staging.links (
    account_id, entity_type, entity_id, to_entity_type, to_entity_id, is_main,
    catalog_id, quantity, price_id
)
SELECT DISTINCT ON (
    document.account_id, document.stream, document.entity_id, target.entity_type, link.id
)
    document.account_id,
    document.stream AS entity_type,
    document.entity_id,
    target.entity_type AS to_entity_type,
    link.id AS to_entity_id,
    staging.to_boolean(item.doc ->> 'is_main') AS is_main,
    -- Lists stand one level deeper than the documentation's table says.
    staging.to_bigint(item.doc #>> '{metadata,catalog_id}') AS catalog_id,
    staging.to_numeric(item.doc #>> '{metadata,quantity}') AS quantity,
    staging.to_bigint(item.doc #>> '{metadata,price_id}') AS price_id
FROM staging.changed_documents AS document
CROSS JOIN
    LATERAL
    jsonb_each(
        CASE jsonb_typeof(document.doc -> '_embedded')
            WHEN 'object' THEN document.doc -> '_embedded'
        END
    ) AS target (entity_type, list)
CROSS JOIN
    LATERAL
    jsonb_path_query(target.list, '$[*] ? (@.type() == "object")')
    WITH ORDINALITY AS item (doc, ordinal)
CROSS JOIN LATERAL (SELECT staging.to_bigint(item.doc ->> 'id') AS id) AS link
WHERE
    document.stream IN ('leads', 'contacts', 'companies', 'customers')
    AND target.entity_type IN (
        'leads', 'contacts', 'companies', 'customers', 'catalog_elements', 'segments'
    )
    AND link.id IS NOT NULL
ORDER BY
    document.account_id ASC,
    document.stream ASC,
    document.entity_id ASC,
    target.entity_type ASC,
    link.id ASC,
    item.ordinal DESC;

INSERT INTO ops.rejects (run_id, stream, entity_id, path, value, reason, raw)
SELECT
    ops.transform_run() AS run_id,
    document.stream,
    document.id AS entity_id,
    '_embedded.' || target.entity_type AS path,
    item.doc ->> 'id' AS value,
    'a link without a usable id' AS reason,
    item.doc::text AS raw
FROM staging.changed_documents AS document
CROSS JOIN
    LATERAL
    jsonb_each(
        CASE jsonb_typeof(document.doc -> '_embedded')
            WHEN 'object' THEN document.doc -> '_embedded'
        END
    ) AS target (entity_type, list)
CROSS JOIN LATERAL jsonb_path_query(target.list, '$[*] ? (@ != null)') AS item (doc)
WHERE
    document.stream IN ('leads', 'contacts', 'companies', 'customers')
    -- Cheap for the many, which have none.
    AND jsonb_path_exists(
        document.doc,
        '$._embedded.*[*] ? (@.type() != "object" || !(@.id.type() == "number")'
        ' || @.id.abs() > 999999999999999999 || @.id.floor() != @.id)'
    )
    AND target.entity_type IN (
        'leads', 'contacts', 'companies', 'customers', 'catalog_elements', 'segments'
    )
    AND staging.to_bigint(item.doc ->> 'id') IS NULL;
