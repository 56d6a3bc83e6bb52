-- Purpose: typed rows of customers from the documents that changed.
-- Version: 1
-- Reads:   staging.changes, amo.documents
-- Writes:  staging.customers, ops.rejects
-- Re-run:  safe; rebuilt from scratch.

TRUNCATE staging.customers;

INSERT INTO staging.customers (
    account_id, id, name, next_price, next_date, responsible_user_id, group_id,
    status_id, periodicity, created_by, updated_by, created_at, closest_task_at,
    is_deleted, ltv, purchases_count, average_check, updated_at, deleted_at
)
SELECT
    change.account_id,
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
FROM staging.changes AS change
INNER JOIN amo.documents AS document
    ON
        change.account_id = document.account_id
        AND change.stream = document.stream
        AND change.id = document.id
CROSS JOIN
    LATERAL
    staging.typed(NULL::staging.customer_json, document.doc, change.stream, change.id)
        AS customer
WHERE change.stream = 'customers' AND customer.id IS NOT NULL;
