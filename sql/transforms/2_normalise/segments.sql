-- Purpose: typed rows of segments from the documents that changed.
-- Version: 1
-- Reads:   staging.changed_documents
-- Writes:  staging.segments, ops.rejects
-- Re-run:  safe; rebuilt from scratch.

TRUNCATE staging.segments;

INSERT INTO staging.segments (
    account_id, id, name, color, customers_count, available_products_price_types,
    created_at, updated_at, deleted_at
)
SELECT
    document.account_id,
    segment.id,
    segment.name,
    segment.color,
    segment.customers_count,
    segment.available_products_price_types,
    to_timestamp(segment.created_at) AS created_at,
    to_timestamp(segment.updated_at) AS updated_at,
    document.deleted_at
FROM staging.changed_documents AS document
CROSS JOIN
    LATERAL
    staging.typed(NULL::staging.segment_json, document.doc, document.stream, document.id)
        AS segment
WHERE document.stream = 'segments' AND segment.id IS NOT NULL;
