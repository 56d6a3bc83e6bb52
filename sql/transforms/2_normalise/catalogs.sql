-- Purpose: typed rows of catalogs from the documents that changed.
-- Version: 1
-- Reads:   staging.changed_documents
-- Writes:  staging.catalogs, ops.rejects
-- Re-run:  safe; rebuilt from scratch.

TRUNCATE staging.catalogs;

INSERT INTO staging.catalogs (
    account_id, id, name, type, sort, created_by, updated_by, created_at,
    can_add_elements, can_show_in_cards, can_link_multiple, can_be_deleted,
    sdk_widget_code, updated_at, deleted_at
)
SELECT
    document.account_id,
    catalog.id,
    catalog.name,
    catalog.type,
    catalog.sort,
    catalog.created_by,
    catalog.updated_by,
    to_timestamp(catalog.created_at) AS created_at,
    catalog.can_add_elements,
    catalog.can_show_in_cards,
    catalog.can_link_multiple,
    catalog.can_be_deleted,
    catalog.sdk_widget_code,
    to_timestamp(catalog.updated_at) AS updated_at,
    document.deleted_at
FROM staging.changed_documents AS document
CROSS JOIN
    LATERAL
    staging.typed(NULL::staging.catalog_json, document.doc, document.stream, document.id)
        AS catalog
WHERE document.stream = 'catalogs' AND catalog.id IS NOT NULL;
