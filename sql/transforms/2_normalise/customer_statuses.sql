-- Purpose: typed rows of customer_statuses from the documents that changed.
-- Version: 1
-- Reads:   staging.changed_documents
-- Writes:  staging.customer_statuses, ops.rejects
-- Re-run:  safe; rebuilt from scratch.

TRUNCATE staging.customer_statuses;

INSERT INTO staging.customer_statuses (
    account_id, id, name, sort, is_default, color, type, conditions, updated_at,
    deleted_at
)
SELECT
    document.account_id,
    customer_status.id,
    customer_status.name,
    customer_status.sort,
    customer_status.is_default,
    customer_status.color,
    customer_status.type,
    customer_status.conditions,
    to_timestamp(customer_status.updated_at) AS updated_at,
    document.deleted_at
FROM staging.changed_documents AS document
CROSS JOIN
    LATERAL
    staging.typed(NULL::staging.customer_status_json, document.doc, document.stream, document.id)
        AS customer_status
WHERE document.stream = 'customer_statuses' AND customer_status.id IS NOT NULL;
