-- Purpose: typed rows of events from the documents that changed.
-- Version: 1
-- Reads:   staging.changed_documents
-- Writes:  staging.events, ops.rejects
-- Re-run:  safe; rebuilt from scratch.

TRUNCATE staging.events;

INSERT INTO staging.events (
    account_id, entity_type, id, type, entity_id, created_by, created_at, value_after,
    value_before, updated_at, deleted_at
)
SELECT
    document.account_id,
    CASE document.doc ->> 'entity_type'
        WHEN 'lead' THEN 'leads'
        WHEN 'contact' THEN 'contacts'
        WHEN 'company' THEN 'companies'
        WHEN 'customer' THEN 'customers'
        WHEN 'task' THEN 'tasks'
        WHEN 'talk' THEN 'talks'
        ELSE document.doc ->> 'entity_type'
    END AS entity_type,
    event.id,
    event.type,
    event.entity_id,
    event.created_by,
    to_timestamp(event.created_at) AS created_at,
    event.value_after,
    event.value_before,
    to_timestamp(event.updated_at) AS updated_at,
    document.deleted_at
FROM staging.changed_documents AS document
CROSS JOIN
    LATERAL
    staging.typed(NULL::staging.event_json, document.doc, document.stream, document.id)
        AS event
WHERE document.stream = 'events' AND event.id IS NOT NULL;
