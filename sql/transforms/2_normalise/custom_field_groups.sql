-- Purpose: typed rows of custom_field_groups from the documents that changed.
-- Version: 1
-- Reads:   staging.changed_documents, ops.streams
-- Writes:  staging.custom_field_groups, ops.rejects
-- Re-run:  safe; rebuilt from scratch.

TRUNCATE staging.custom_field_groups;

INSERT INTO staging.custom_field_groups (
    account_id, entity_type, catalog_id, id, name, sort, type, is_predefined, updated_at,
    deleted_at
)
SELECT
    document.account_id,
    stream.entity_type,
    CASE
        WHEN stream.is_keyed_by_parent THEN split_part(document.id, '/', 1)::bigint
        ELSE 0
    END AS catalog_id,
    field_group.id,
    field_group.name,
    field_group.sort,
    field_group.type,
    field_group.is_predefined,
    to_timestamp(field_group.updated_at) AS updated_at,
    document.deleted_at
FROM staging.changed_documents AS document
INNER JOIN ops.streams AS stream
    ON document.stream = stream.name
CROSS JOIN
    LATERAL
    staging.typed(NULL::staging.field_group_json, document.doc, document.stream, document.id)
        AS field_group
WHERE stream.entity = 'custom_field_groups' AND field_group.id IS NOT NULL;
