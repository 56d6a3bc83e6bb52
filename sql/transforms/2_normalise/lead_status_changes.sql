-- Purpose: changes of stage from the events that are new.
-- Version: 1
-- Reads:   staging.changed_documents
-- Writes:  staging.lead_status_changes
-- Re-run:  safe; rebuilt from scratch.

TRUNCATE staging.lead_status_changes;

INSERT INTO staging.lead_status_changes (
    account_id, event_id, lead_id, changed_in_amo_at, changed_by, from_pipeline_id,
    from_status_id, to_pipeline_id, to_status_id
)
SELECT
    document.account_id,
    document.id AS event_id,
    event.lead_id,
    event.changed_in_amo_at,
    staging.to_bigint(document.doc ->> 'created_by') AS changed_by,
    staging.to_bigint(event.before ->> 'pipeline_id') AS from_pipeline_id,
    staging.to_bigint(event.before ->> 'id') AS from_status_id,
    staging.to_bigint(event.after ->> 'pipeline_id') AS to_pipeline_id,
    staging.to_bigint(event.after ->> 'id') AS to_status_id
FROM staging.changed_documents AS document
CROSS JOIN
    LATERAL (
        SELECT
            staging.to_bigint(document.doc ->> 'entity_id') AS lead_id,
            staging.to_time(document.doc ->> 'created_at') AS changed_in_amo_at,
            document.doc #> '{value_before,0,lead_status}' AS before,
            document.doc #> '{value_after,0,lead_status}' AS after
    ) AS event
-- One of another shape stays in amo.events, as all others do.
WHERE
    document.stream = 'events'
    AND document.doc ->> 'type' = 'lead_status_changed'
    AND event.lead_id IS NOT NULL
    AND event.changed_in_amo_at IS NOT NULL;
