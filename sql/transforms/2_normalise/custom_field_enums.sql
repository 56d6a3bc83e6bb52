-- Purpose: typed rows of custom_field_enums from the documents that changed.
-- Version: 1
-- Reads:   staging.changes, amo.documents, ops.streams
-- Writes:  staging.custom_field_enums, ops.rejects
-- Re-run:  safe; rebuilt from scratch.

TRUNCATE staging.custom_field_enums;

INSERT INTO staging.custom_field_enums (
    account_id, entity_type, field_id, id, value, sort, code, updated_at, deleted_at
)
SELECT DISTINCT ON (change.account_id, stream.entity_type, change.entity_id, enum_row.id)
    change.account_id,
    stream.entity_type,
    change.entity_id AS field_id,
    enum_row.id,
    enum_row.value,
    enum_row.sort,
    enum_row.code,
    to_timestamp(enum_row.updated_at) AS updated_at,
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
    jsonb_path_query(document.doc, '$.enums[*] ? (@ != null)')
    WITH ORDINALITY AS item (doc, ordinal)
CROSS JOIN
    LATERAL
    staging.typed(NULL::staging.enum_json, item.doc, change.stream, change.id)
        AS enum_row
WHERE stream.entity = 'custom_fields' AND enum_row.id IS NOT NULL
-- Twice in one list: the later one counts.
ORDER BY
    change.account_id ASC,
    stream.entity_type ASC,
    change.entity_id ASC,
    enum_row.id ASC,
    item.ordinal DESC;
