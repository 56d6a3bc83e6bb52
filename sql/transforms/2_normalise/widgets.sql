-- Purpose: typed rows of widgets from the documents that changed.
-- Version: 1
-- Reads:   staging.changed_documents
-- Writes:  staging.widgets, ops.rejects
-- Re-run:  safe; rebuilt from scratch.

TRUNCATE staging.widgets;

INSERT INTO staging.widgets (
    account_id, id, code, version, rating, is_lead_source, is_work_with_dp,
    is_crm_template, is_active_in_account, client_uuid, pipeline_id, settings_template,
    updated_at, deleted_at
)
SELECT
    document.account_id,
    widget.id,
    widget.code,
    widget.version,
    widget.rating,
    widget.is_lead_source,
    widget.is_work_with_dp,
    widget.is_crm_template,
    widget.is_active_in_account,
    widget.client_uuid,
    widget.pipeline_id,
    widget.settings_template,
    to_timestamp(widget.updated_at) AS updated_at,
    document.deleted_at
FROM staging.changed_documents AS document
CROSS JOIN
    LATERAL
    staging.typed(NULL::staging.widget_json, document.doc, document.stream, document.id)
        AS widget
WHERE document.stream = 'widgets' AND widget.id IS NOT NULL;
