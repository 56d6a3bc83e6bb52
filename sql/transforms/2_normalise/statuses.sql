-- Purpose: typed rows of statuses from the documents that changed.
-- Version: 1
-- Reads:   staging.changed_documents
-- Writes:  staging.statuses, ops.rejects
-- Re-run:  safe; rebuilt from scratch.

TRUNCATE staging.statuses;

INSERT INTO staging.statuses (
    account_id, id, pipeline_id, name, sort, is_editable, color, type, updated_at,
    deleted_at
)
SELECT DISTINCT ON (document.account_id, document.entity_id, status.id)
    document.account_id,
    status.id,
    -- The pipeline that lists it, whatever the stage says itself.
    document.entity_id AS pipeline_id,
    status.name,
    status.sort,
    status.is_editable,
    status.color,
    status.type,
    to_timestamp(status.updated_at) AS updated_at,
    document.deleted_at
FROM staging.changed_documents AS document
CROSS JOIN
    LATERAL
    jsonb_path_query(document.doc, '$._embedded.statuses[*] ? (@ != null)')
    WITH ORDINALITY AS item (doc, ordinal)
CROSS JOIN
    LATERAL
    staging.typed(NULL::staging.status_json, item.doc, document.stream, document.id)
        AS status
WHERE document.stream = 'pipelines' AND status.id IS NOT NULL
-- Twice in one list: the later one counts.
ORDER BY
    document.account_id ASC,
    document.entity_id ASC,
    status.id ASC,
    item.ordinal DESC;

SELECT staging.reject_without_id(
    '{pipelines}', '$._embedded.statuses[*]', 'a stage without a usable id'
);
