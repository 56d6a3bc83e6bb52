-- Purpose: typed rows of custom_fields from the documents that changed.
-- Version: 1
-- Reads:   staging.changed_documents, ops.streams
-- Writes:  staging.custom_fields, ops.rejects
-- Re-run:  safe; rebuilt from scratch.

TRUNCATE staging.custom_fields;

INSERT INTO staging.custom_fields (
    account_id, entity_type, id, name, code, type, sort, group_id, is_api_only,
    is_predefined, is_deletable, is_computed, is_visible, is_required, currency, remind,
    tracking_callback, search_in, settings, nested, required_statuses, hidden_statuses,
    chained_lists, updated_at, deleted_at
)
SELECT
    document.account_id,
    stream.entity_type,
    custom_field.id,
    custom_field.name,
    custom_field.code,
    custom_field.type,
    custom_field.sort,
    custom_field.group_id,
    custom_field.is_api_only,
    custom_field.is_predefined,
    custom_field.is_deletable,
    custom_field.is_computed,
    custom_field.is_visible,
    custom_field.is_required,
    custom_field.currency,
    custom_field.remind,
    custom_field.tracking_callback,
    custom_field.search_in,
    custom_field.settings,
    custom_field.nested,
    custom_field.required_statuses,
    custom_field.hidden_statuses,
    custom_field.chained_lists,
    to_timestamp(custom_field.updated_at) AS updated_at,
    document.deleted_at
FROM staging.changed_documents AS document
INNER JOIN ops.streams AS stream
    ON document.stream = stream.name
CROSS JOIN
    LATERAL
    staging.typed(NULL::staging.custom_field_json, document.doc, document.stream, document.id)
        AS custom_field
WHERE stream.entity = 'custom_fields' AND custom_field.id IS NOT NULL;
