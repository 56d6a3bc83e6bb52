-- Purpose: typed rows of custom_field_enums from the documents that changed.
-- Version: 1
-- Reads:   staging.changed_documents, ops.streams
-- Writes:  staging.custom_field_enums, ops.rejects
-- Re-run:  safe; rebuilt from scratch.

TRUNCATE staging.custom_field_enums;

INSERT INTO staging.custom_field_enums (
    account_id, entity_type, field_id, id, value, sort, code, updated_at, deleted_at
)
SELECT DISTINCT ON (document.account_id, stream.entity_type, document.entity_id, enum_row.id)
    document.account_id,
    stream.entity_type,
    document.entity_id AS field_id,
    enum_row.id,
    enum_row.value,
    enum_row.sort,
    enum_row.code,
    to_timestamp(enum_row.updated_at) AS updated_at,
    document.deleted_at
FROM staging.changed_documents AS document
INNER JOIN ops.streams AS stream
    ON document.stream = stream.name
CROSS JOIN
    LATERAL
    jsonb_path_query(document.doc, '$.enums[*] ? (@ != null)')
    WITH ORDINALITY AS item (doc, ordinal)
CROSS JOIN
    LATERAL
    staging.typed(NULL::staging.enum_json, item.doc, document.stream, document.id)
        AS enum_row
WHERE stream.entity = 'custom_fields' AND enum_row.id IS NOT NULL
-- Twice in one list: the later one counts.
ORDER BY
    document.account_id ASC,
    stream.entity_type ASC,
    document.entity_id ASC,
    enum_row.id ASC,
    item.ordinal DESC;

SELECT
    staging.reject_without_id(
        array_agg(stream.name), '$.enums[*]', 'an option without a usable id'
    )
FROM ops.streams AS stream
WHERE stream.entity = 'custom_fields';
