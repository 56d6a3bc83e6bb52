-- Purpose: typed rows of contacts from the documents that changed.
-- Version: 1
-- Reads:   staging.changed_documents
-- Writes:  staging.contacts, ops.rejects
-- Re-run:  safe; rebuilt from scratch.

TRUNCATE staging.contacts;

INSERT INTO staging.contacts (
    account_id, id, name, first_name, last_name, responsible_user_id, group_id,
    created_by, updated_by, created_at, closest_task_at, is_deleted, is_unsorted,
    updated_at, deleted_at
)
SELECT
    document.account_id,
    contact.id,
    contact.name,
    contact.first_name,
    contact.last_name,
    contact.responsible_user_id,
    contact.group_id,
    contact.created_by,
    contact.updated_by,
    to_timestamp(contact.created_at) AS created_at,
    to_timestamp(contact.closest_task_at) AS closest_task_at,
    contact.is_deleted,
    contact.is_unsorted,
    to_timestamp(contact.updated_at) AS updated_at,
    document.deleted_at
FROM staging.changed_documents AS document
CROSS JOIN
    LATERAL
    staging.typed(NULL::staging.contact_json, document.doc, document.stream, document.id)
        AS contact
WHERE document.stream = 'contacts' AND contact.id IS NOT NULL;
