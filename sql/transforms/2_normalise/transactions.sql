-- Purpose: typed rows of transactions from the documents that changed.
-- Version: 1
-- Reads:   staging.changed_documents
-- Writes:  staging.transactions, ops.rejects
-- Re-run:  safe; rebuilt from scratch.

TRUNCATE staging.transactions;

INSERT INTO staging.transactions (
    account_id, id, price, comment, completed_at, created_by, updated_by, created_at,
    is_deleted, customer_id, updated_at, deleted_at
)
SELECT
    document.account_id,
    purchase.id,
    purchase.price,
    purchase.comment,
    to_timestamp(purchase.completed_at) AS completed_at,
    purchase.created_by,
    purchase.updated_by,
    to_timestamp(purchase.created_at) AS created_at,
    purchase.is_deleted,
    coalesce(
        staging.to_bigint(document.doc ->> 'customer_id'),
        staging.to_bigint(document.doc #>> '{_embedded,customer,id}')
    ) AS customer_id,
    to_timestamp(purchase.updated_at) AS updated_at,
    document.deleted_at
FROM staging.changed_documents AS document
CROSS JOIN
    LATERAL
    staging.typed(NULL::staging.purchase_json, document.doc, document.stream, document.id)
        AS purchase
WHERE document.stream = 'transactions' AND purchase.id IS NOT NULL;
