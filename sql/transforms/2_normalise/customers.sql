-- Purpose: typed rows of customers from the documents that changed.
-- Version: 1
-- Reads:   staging.changed_documents
-- Writes:  staging.customers, ops.rejects
-- Re-run:  safe; rebuilt from scratch.

TRUNCATE staging.customers;

INSERT INTO staging.customers (
    account_id, id, name, next_price, next_date, responsible_user_id, group_id,
    status_id, periodicity, created_by, updated_by, created_at, closest_task_at,
    is_deleted, ltv, purchases_count, average_check, updated_at, deleted_at
)
SELECT
    document.account_id,
    customer.id,
    customer.name,
    customer.next_price,
    to_timestamp(customer.next_date) AS next_date,
    customer.responsible_user_id,
    customer.group_id,
    customer.status_id,
    customer.periodicity,
    customer.created_by,
    customer.updated_by,
    to_timestamp(customer.created_at) AS created_at,
    to_timestamp(customer.closest_task_at) AS closest_task_at,
    customer.is_deleted,
    customer.ltv,
    customer.purchases_count,
    customer.average_check,
    to_timestamp(customer.updated_at) AS updated_at,
    document.deleted_at
FROM staging.changed_documents AS document
CROSS JOIN
    LATERAL
    staging.typed(NULL::staging.customer_json, document.doc, document.stream, document.id)
        AS customer
WHERE document.stream = 'customers' AND customer.id IS NOT NULL;
