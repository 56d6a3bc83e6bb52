-- Purpose: typed rows of catalog_elements from the documents that changed.
-- Version: 1
-- Reads:   staging.changes, amo.documents
-- Writes:  staging.catalog_elements, ops.rejects
-- Re-run:  safe; rebuilt from scratch.

TRUNCATE staging.catalog_elements;

INSERT INTO staging.catalog_elements (
    account_id, id, catalog_id, name, created_by, updated_by, created_at, is_deleted,
    invoice_link, currency_id, updated_at, deleted_at
)
SELECT
    change.account_id,
    catalog_element.id,
    catalog_element.catalog_id,
    catalog_element.name,
    catalog_element.created_by,
    catalog_element.updated_by,
    to_timestamp(catalog_element.created_at) AS created_at,
    catalog_element.is_deleted,
    catalog_element.invoice_link,
    catalog_element.currency_id,
    to_timestamp(catalog_element.updated_at) AS updated_at,
    document.deleted_at
FROM staging.changes AS change
INNER JOIN amo.documents AS document
    ON
        change.account_id = document.account_id
        AND change.stream = document.stream
        AND change.id = document.id
CROSS JOIN
    LATERAL
    staging.typed(NULL::staging.catalog_element_json, document.doc, change.stream, change.id)
        AS catalog_element
WHERE change.stream = 'catalog_elements' AND catalog_element.id IS NOT NULL;
