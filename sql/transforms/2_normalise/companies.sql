-- Purpose: typed rows of companies from the documents that changed.
-- Version: 1
-- Reads:   staging.changed_documents
-- Writes:  staging.companies, ops.rejects
-- Re-run:  safe; rebuilt from scratch.

TRUNCATE staging.companies;

INSERT INTO staging.companies (
    account_id, id, name, responsible_user_id, group_id, created_by, updated_by,
    created_at, closest_task_at, is_deleted, updated_at, deleted_at
)
SELECT
    document.account_id,
    company.id,
    company.name,
    company.responsible_user_id,
    company.group_id,
    company.created_by,
    company.updated_by,
    to_timestamp(company.created_at) AS created_at,
    to_timestamp(company.closest_task_at) AS closest_task_at,
    company.is_deleted,
    to_timestamp(company.updated_at) AS updated_at,
    document.deleted_at
FROM staging.changed_documents AS document
CROSS JOIN
    LATERAL
    staging.typed(NULL::staging.company_json, document.doc, document.stream, document.id)
        AS company
WHERE document.stream = 'companies' AND company.id IS NOT NULL;
