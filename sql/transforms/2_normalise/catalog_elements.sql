-- Purpose: typed rows of catalog_elements from the documents that changed.
-- Version: 1
-- Reads:   staging.changed_documents
-- Writes:  staging.catalog_elements, ops.rejects
-- Re-run:  safe; rebuilt from scratch.

TRUNCATE staging.catalog_elements;

INSERT INTO staging.catalog_elements (
    account_id, id, catalog_id, name, created_by, updated_by, created_at, is_deleted,
    invoice_link, currency_id, updated_at, deleted_at
)
SELECT
    document.account_id,
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
FROM staging.changed_documents AS document
CROSS JOIN
    LATERAL
    staging.typed(NULL::staging.catalog_element_json, document.doc, document.stream, document.id)
        AS catalog_element
WHERE document.stream = 'catalog_elements' AND catalog_element.id IS NOT NULL;
