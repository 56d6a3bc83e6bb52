-- Purpose: typed rows of leads from the documents that changed.
-- Version: 1
-- Reads:   staging.changed_documents
-- Writes:  staging.leads, ops.rejects
-- Re-run:  safe; rebuilt from scratch.

TRUNCATE staging.leads;

INSERT INTO staging.leads (
    account_id, id, name, price, price_with_minor_units, responsible_user_id, group_id,
    pipeline_id, status_id, loss_reason_id, source_id, created_by, updated_by,
    created_at, closed_at, closest_task_at, score, labor_cost, is_deleted,
    is_price_modified_by_robot, is_price_computed, visitor_uid, updated_at, deleted_at
)
SELECT
    document.account_id,
    lead.id,
    lead.name,
    lead.price,
    lead.price_with_minor_units,
    lead.responsible_user_id,
    lead.group_id,
    lead.pipeline_id,
    lead.status_id,
    lead.loss_reason_id,
    lead.source_id,
    lead.created_by,
    lead.updated_by,
    to_timestamp(lead.created_at) AS created_at,
    to_timestamp(lead.closed_at) AS closed_at,
    to_timestamp(lead.closest_task_at) AS closest_task_at,
    lead.score,
    lead.labor_cost,
    lead.is_deleted,
    lead.is_price_modified_by_robot,
    lead.is_price_computed,
    lead.visitor_uid,
    to_timestamp(lead.updated_at) AS updated_at,
    document.deleted_at
FROM staging.changed_documents AS document
CROSS JOIN
    LATERAL
    staging.typed(NULL::staging.lead_json, document.doc, document.stream, document.id)
        AS lead
WHERE document.stream = 'leads' AND lead.id IS NOT NULL;
