-- Purpose: typed rows of webhooks from the documents that changed.
-- Version: 1
-- Reads:   staging.changed_documents
-- Writes:  staging.webhooks, ops.rejects
-- Re-run:  safe; rebuilt from scratch.

TRUNCATE staging.webhooks;

INSERT INTO staging.webhooks (
    account_id, id, destination, sort, disabled, settings, created_by, created_at,
    updated_at, deleted_at
)
SELECT
    document.account_id,
    webhook.id,
    webhook.destination,
    webhook.sort,
    webhook.disabled,
    webhook.settings,
    webhook.created_by,
    to_timestamp(webhook.created_at) AS created_at,
    to_timestamp(webhook.updated_at) AS updated_at,
    document.deleted_at
FROM staging.changed_documents AS document
CROSS JOIN
    LATERAL
    staging.typed(NULL::staging.webhook_json, document.doc, document.stream, document.id)
        AS webhook
WHERE document.stream = 'webhooks' AND webhook.id IS NOT NULL;
