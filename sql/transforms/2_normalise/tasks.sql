-- Purpose: typed rows of tasks from the documents that changed.
-- Version: 1
-- Reads:   staging.changes, amo.documents
-- Writes:  staging.tasks, ops.rejects
-- Re-run:  safe; rebuilt from scratch.

TRUNCATE staging.tasks;

INSERT INTO staging.tasks (
    account_id, id, entity_id, entity_type, responsible_user_id, group_id, task_type_id,
    text, is_completed, duration, complete_till, created_by, updated_by, created_at,
    result, updated_at, deleted_at
)
SELECT
    change.account_id,
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
FROM staging.changes AS change
INNER JOIN amo.documents AS document
    ON
        change.account_id = document.account_id
        AND change.stream = document.stream
        AND change.id = document.id
CROSS JOIN
    LATERAL
    staging.typed(NULL::staging.task_json, document.doc, change.stream, change.id)
        AS task
WHERE change.stream = 'tasks' AND task.id IS NOT NULL;
