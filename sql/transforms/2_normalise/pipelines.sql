-- Purpose: typed rows of pipelines from the documents that changed.
-- Version: 1
-- Reads:   staging.changed_documents
-- Writes:  staging.pipelines, ops.rejects
-- Re-run:  safe; rebuilt from scratch.

TRUNCATE staging.pipelines;

INSERT INTO staging.pipelines (
    account_id, id, name, sort, is_main, is_unsorted_on, is_archive, updated_at,
    deleted_at
)
SELECT
    document.account_id,
    pipeline.id,
    pipeline.name,
    pipeline.sort,
    pipeline.is_main,
    pipeline.is_unsorted_on,
    pipeline.is_archive,
    to_timestamp(pipeline.updated_at) AS updated_at,
    document.deleted_at
FROM staging.changed_documents AS document
CROSS JOIN
    LATERAL
    staging.typed(NULL::staging.pipeline_json, document.doc, document.stream, document.id)
        AS pipeline
WHERE document.stream = 'pipelines' AND pipeline.id IS NOT NULL;
