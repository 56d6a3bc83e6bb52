-- Purpose: typed rows of talks from the documents that changed.
-- Version: 1
-- Reads:   staging.changed_documents
-- Writes:  staging.talks, ops.rejects
-- Re-run:  safe; rebuilt from scratch.

TRUNCATE staging.talks;

INSERT INTO staging.talks (
    account_id, talk_id, chat_id, contact_id, entity_type, entity_id, origin, rate,
    is_in_work, is_read, missed_at, created_at, updated_at, deleted_at
)
SELECT
    document.account_id,
    talk.talk_id,
    talk.chat_id,
    talk.contact_id,
    CASE document.doc ->> 'entity_type'
        WHEN 'lead' THEN 'leads'
        WHEN 'customer' THEN 'customers'
        ELSE document.doc ->> 'entity_type'
    END AS entity_type,
    talk.entity_id,
    talk.origin,
    talk.rate,
    talk.is_in_work,
    talk.is_read,
    to_timestamp(talk.missed_at) AS missed_at,
    to_timestamp(talk.created_at) AS created_at,
    to_timestamp(talk.updated_at) AS updated_at,
    document.deleted_at
FROM staging.changed_documents AS document
CROSS JOIN
    LATERAL
    staging.typed(NULL::staging.talk_json, document.doc, document.stream, document.id)
        AS talk
WHERE document.stream = 'talks' AND talk.talk_id IS NOT NULL;
