-- Purpose: typed rows of tasks from the documents that changed.
-- Version: 1
-- Reads:   staging.changed_documents
-- Writes:  staging.tasks, ops.rejects
-- Re-run:  safe; rebuilt from scratch.

TRUNCATE staging.tasks;

INSERT INTO staging.tasks (
    account_id, id, entity_id, entity_type, responsible_user_id, group_id, task_type_id,
    text, is_completed, duration, complete_till, created_by, updated_by, created_at,
    result, updated_at, deleted_at
)
SELECT
    document.account_id,
    task.id,
    task.entity_id,
    task.entity_type,
    task.responsible_user_id,
    task.group_id,
    task.task_type_id,
    task.text,
    task.is_completed,
    task.duration,
    to_timestamp(task.complete_till) AS complete_till,
    task.created_by,
    task.updated_by,
    to_timestamp(task.created_at) AS created_at,
    CASE jsonb_typeof(document.doc -> 'result')
        WHEN 'object' THEN document.doc #>> '{result,text}'
        WHEN 'array' THEN document.doc #>> '{result,0,text}'
        ELSE document.doc ->> 'result'
    END AS result,
    to_timestamp(task.updated_at) AS updated_at,
    document.deleted_at
FROM staging.changed_documents AS document
CROSS JOIN
    LATERAL
    staging.typed(NULL::staging.task_json, document.doc, document.stream, document.id)
        AS task
WHERE document.stream = 'tasks' AND task.id IS NOT NULL;
