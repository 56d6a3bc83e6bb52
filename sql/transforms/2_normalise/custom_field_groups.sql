-- Purpose: typed rows of custom_field_groups from the documents that changed.
-- Version: 1
-- Reads:   staging.changes, amo.documents, ops.streams
-- Writes:  staging.custom_field_groups, ops.rejects
-- Re-run:  safe; rebuilt from scratch.

TRUNCATE staging.custom_field_groups;

INSERT INTO staging.custom_field_groups (
    account_id, entity_type, catalog_id, id, name, sort, type, is_predefined, updated_at,
    deleted_at
)
SELECT
    change.account_id,
    stream.entity_type,
    CASE
        WHEN stream.is_keyed_by_parent THEN split_part(change.id, '/', 1)::bigint
        ELSE 0
    END AS catalog_id,
    field_group.id,
    field_group.name,
    field_group.sort,
    field_group.type,
    field_group.is_predefined,
    to_timestamp(field_group.updated_at) AS updated_at,
    document.deleted_at
FROM staging.changes AS change
INNER JOIN ops.streams AS stream
    ON change.stream = stream.name
INNER JOIN amo.documents AS document
    ON
        change.account_id = document.account_id
        AND change.stream = document.stream
        AND change.id = document.id
CROSS JOIN
    LATERAL
    staging.typed(NULL::staging.field_group_json, document.doc, change.stream, change.id)
        AS field_group
WHERE stream.entity = 'custom_field_groups' AND field_group.id IS NOT NULL;
