-- Purpose: tasks: the shape of the JSON, the typed rows of one transform, the table.
-- Writes:  staging.task_json, staging.tasks, amo.tasks
-- Re-run:  safe; what exists is kept.

DO $$
BEGIN
    IF to_regtype('staging.task_json') IS NULL THEN
        CREATE TYPE staging.task_json AS (
            id bigint,
            entity_id bigint,
            entity_type text,
            responsible_user_id bigint,
            group_id bigint,
            task_type_id bigint,
            text text,
            is_completed boolean,
            duration bigint,
            complete_till staging.unix_seconds,
            created_by bigint,
            updated_by bigint,
            created_at staging.unix_seconds,
            updated_at staging.unix_seconds
        );
    END IF;
END;
$$;
COMMENT ON TYPE staging.task_json IS
'What amoCRM sends for one of tasks; other keys stay in amo.documents.';

CREATE TABLE IF NOT EXISTS amo.tasks (
    account_id bigint NOT NULL,
    id bigint NOT NULL,
    entity_id bigint,
    entity_type text,
    responsible_user_id bigint,
    group_id bigint,
    task_type_id bigint,
    text text,
    is_completed boolean,
    duration bigint,
    complete_till timestamptz,
    created_by bigint,
    updated_by bigint,
    created_at timestamptz,
    result text,
    updated_at timestamptz,
    deleted_at timestamptz,
    changed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT tasks_pkey PRIMARY KEY (account_id, id)
) WITH (fillfactor = 90);
COMMENT ON TABLE amo.tasks IS 'Tasks; a task without an entity has no entity_id.';
COMMENT ON COLUMN amo.tasks.account_id IS 'The account in amoCRM.';
COMMENT ON COLUMN amo.tasks.id IS 'Id in amoCRM.';
COMMENT ON COLUMN amo.tasks.entity_id IS 'Id of the entity, in the table that entity_type names.';
COMMENT ON COLUMN amo.tasks.entity_type IS 'In the plural: leads, contacts, companies, customers …';
COMMENT ON COLUMN amo.tasks.responsible_user_id IS 'Of amo.users.';
COMMENT ON COLUMN amo.tasks.group_id IS 'Group of the responsible user, amo.groups.';
COMMENT ON COLUMN amo.tasks.task_type_id IS 'Of amo.task_types.';
COMMENT ON COLUMN amo.tasks.text IS 'What is to be done.';
COMMENT ON COLUMN amo.tasks.is_completed IS 'Done; amoCRM does not say when.';
COMMENT ON COLUMN amo.tasks.complete_till IS 'Its term.';
COMMENT ON COLUMN amo.tasks.created_by IS 'User who created it; 0: a robot or the API.';
COMMENT ON COLUMN amo.tasks.updated_by IS 'User who last changed it; 0: a robot or the API.';
COMMENT ON COLUMN amo.tasks.created_at IS 'When it was created in amoCRM.';
COMMENT ON COLUMN amo.tasks.updated_at IS 'When it was last changed in amoCRM.';
COMMENT ON COLUMN amo.tasks.duration IS 'Seconds.';
COMMENT ON COLUMN amo.tasks.result IS
'Text of the result; amoCRM wraps it in an object, or sends [] for none.';
COMMENT ON COLUMN amo.tasks.deleted_at IS 'When amoCRM was found not to have it any more.';
COMMENT ON COLUMN amo.tasks.changed_at IS 'When this row was last written here.';

CREATE UNLOGGED TABLE IF NOT EXISTS staging.tasks (
    LIKE amo.tasks INCLUDING DEFAULTS
) WITH (autovacuum_enabled = FALSE);
COMMENT ON TABLE staging.tasks IS 'Rows of amo.tasks that one transform is about to merge.';
