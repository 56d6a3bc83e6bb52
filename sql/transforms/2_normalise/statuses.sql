-- Purpose: typed rows of statuses from the documents that changed.
-- Version: 1
-- Reads:   staging.changes, amo.documents
-- Writes:  staging.statuses, ops.rejects
-- Re-run:  safe; rebuilt from scratch.

TRUNCATE staging.statuses;

INSERT INTO staging.statuses (
    account_id, id, pipeline_id, name, sort, is_editable, color, type, updated_at,
    deleted_at
)
SELECT DISTINCT ON (change.account_id, change.entity_id, status.id)
    change.account_id,
    status.id,
    -- The pipeline that lists it, whatever the stage says itself.
    change.entity_id AS pipeline_id,
    status.name,
    status.sort,
    status.is_editable,
    status.color,
    status.type,
    to_timestamp(status.updated_at) AS updated_at,
    document.deleted_at
FROM staging.changes AS change
INNER JOIN amo.documents AS document
    ON
        change.account_id = document.account_id
        AND change.stream = document.stream
        AND change.id = document.id
CROSS JOIN
    LATERAL
    jsonb_path_query(document.doc, '$._embedded.statuses[*] ? (@ != null)')
    WITH ORDINALITY AS item (doc, ordinal)
CROSS JOIN
    LATERAL
    staging.typed(NULL::staging.status_json, item.doc, change.stream, change.id)
        AS status
WHERE change.stream = 'pipelines' AND status.id IS NOT NULL
-- Twice in one list: the later one counts.
ORDER BY
    change.account_id ASC,
    change.entity_id ASC,
    status.id ASC,
    item.ordinal DESC;
