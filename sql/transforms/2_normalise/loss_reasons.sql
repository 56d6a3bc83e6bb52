-- Purpose: typed rows of loss_reasons from the documents that changed.
-- Version: 1
-- Reads:   staging.changed_documents
-- Writes:  staging.loss_reasons, ops.rejects
-- Re-run:  safe; rebuilt from scratch.

TRUNCATE staging.loss_reasons;

INSERT INTO staging.loss_reasons (
    account_id, id, name, sort, created_at, updated_at, deleted_at
)
SELECT
    document.account_id,
    loss_reason.id,
    loss_reason.name,
    loss_reason.sort,
    to_timestamp(loss_reason.created_at) AS created_at,
    to_timestamp(loss_reason.updated_at) AS updated_at,
    document.deleted_at
FROM staging.changed_documents AS document
CROSS JOIN
    LATERAL
    staging.typed(NULL::staging.loss_reason_json, document.doc, document.stream, document.id)
        AS loss_reason
WHERE document.stream = 'loss_reasons' AND loss_reason.id IS NOT NULL;
