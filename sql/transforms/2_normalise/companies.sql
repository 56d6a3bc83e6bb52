-- Purpose: typed rows of companies from the documents that changed.
-- Version: 1
-- Reads:   staging.changes, amo.documents
-- Writes:  staging.companies, ops.rejects
-- Re-run:  safe; rebuilt from scratch.

TRUNCATE staging.companies;

INSERT INTO staging.companies (
    account_id, id, name, responsible_user_id, group_id, created_by, updated_by,
    created_at, closest_task_at, is_deleted, updated_at, deleted_at
)
SELECT
    change.account_id,
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
FROM staging.changes AS change
INNER JOIN amo.documents AS document
    ON
        change.account_id = document.account_id
        AND change.stream = document.stream
        AND change.id = document.id
CROSS JOIN
    LATERAL
    staging.typed(NULL::staging.company_json, document.doc, change.stream, change.id)
        AS company
WHERE change.stream = 'companies' AND company.id IS NOT NULL;
