-- Purpose: typed rows of sources from the documents that changed.
-- Version: 1
-- Reads:   staging.changes, amo.documents
-- Writes:  staging.sources, ops.rejects
-- Re-run:  safe; rebuilt from scratch.

TRUNCATE staging.sources;

INSERT INTO staging.sources (
    account_id, id, name, pipeline_id, external_id, origin_code, services, is_default,
    updated_at, deleted_at
)
SELECT
    change.account_id,
    source_row.id,
    source_row.name,
    source_row.pipeline_id,
    source_row.external_id,
    source_row.origin_code,
    source_row.services,
    staging.to_boolean(document.doc ->> 'default') AS is_default,
    to_timestamp(source_row.updated_at) AS updated_at,
    document.deleted_at
FROM staging.changes AS change
INNER JOIN amo.documents AS document
    ON
        change.account_id = document.account_id
        AND change.stream = document.stream
        AND change.id = document.id
CROSS JOIN
    LATERAL
    staging.typed(NULL::staging.source_json, document.doc, change.stream, change.id)
        AS source_row
WHERE change.stream = 'sources' AND source_row.id IS NOT NULL;
