-- Purpose: typed rows of webhooks from the documents that changed.
-- Version: 1
-- Reads:   staging.changes, amo.documents
-- Writes:  staging.webhooks, ops.rejects
-- Re-run:  safe; rebuilt from scratch.

TRUNCATE staging.webhooks;

INSERT INTO staging.webhooks (
    account_id, id, destination, sort, disabled, settings, created_by, created_at,
    updated_at, deleted_at
)
SELECT
    change.account_id,
    webhook.id,
    webhook.destination,
    webhook.sort,
    webhook.disabled,
    webhook.settings,
    webhook.created_by,
    to_timestamp(webhook.created_at) AS created_at,
    to_timestamp(webhook.updated_at) AS updated_at,
    document.deleted_at
FROM staging.changes AS change
INNER JOIN amo.documents AS document
    ON
        change.account_id = document.account_id
        AND change.stream = document.stream
        AND change.id = document.id
CROSS JOIN
    LATERAL
    staging.typed(NULL::staging.webhook_json, document.doc, change.stream, change.id)
        AS webhook
WHERE change.stream = 'webhooks' AND webhook.id IS NOT NULL;
