-- Purpose: typed rows of sources from the documents that changed.
-- Version: 1
-- Reads:   staging.changed_documents
-- Writes:  staging.sources, ops.rejects
-- Re-run:  safe; rebuilt from scratch.

TRUNCATE staging.sources;

INSERT INTO staging.sources (
    account_id, id, name, pipeline_id, external_id, origin_code, services, is_default,
    updated_at, deleted_at
)
SELECT
    document.account_id,
    source_row.id,
    source_row.name,
    source_row.pipeline_id,
    source_row.external_id,
    source_row.origin_code,
    source_row.services,
    staging.to_boolean(document.doc ->> 'default') AS is_default,
    to_timestamp(source_row.updated_at) AS updated_at,
    document.deleted_at
FROM staging.changed_documents AS document
CROSS JOIN
    LATERAL
    staging.typed(NULL::staging.source_json, document.doc, document.stream, document.id)
        AS source_row
WHERE document.stream = 'sources' AND source_row.id IS NOT NULL;
