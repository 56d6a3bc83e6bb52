-- Purpose: typed rows of unsorted from the documents that changed.
-- Version: 1
-- Reads:   staging.changed_documents
-- Writes:  staging.unsorted, ops.rejects
-- Re-run:  safe; rebuilt from scratch.

TRUNCATE staging.unsorted;

INSERT INTO staging.unsorted (
    account_id, uid, source_uid, source_name, category, pipeline_id, created_at,
    metadata, updated_at, deleted_at
)
SELECT
    document.account_id,
    unsorted_row.uid,
    unsorted_row.source_uid,
    unsorted_row.source_name,
    unsorted_row.category,
    unsorted_row.pipeline_id,
    to_timestamp(unsorted_row.created_at) AS created_at,
    unsorted_row.metadata,
    to_timestamp(unsorted_row.updated_at) AS updated_at,
    document.deleted_at
FROM staging.changed_documents AS document
CROSS JOIN
    LATERAL
    staging.typed(NULL::staging.unsorted_json, document.doc, document.stream, document.id)
        AS unsorted_row
WHERE document.stream = 'unsorted' AND unsorted_row.uid IS NOT NULL;
