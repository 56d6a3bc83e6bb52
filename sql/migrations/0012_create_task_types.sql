-- Purpose: task_types: the shape of the JSON, the typed rows of one transform, the table.
-- Writes:  staging.task_type_json, staging.task_types, amo.task_types
-- Re-run:  safe; what exists is kept.

DO $$
BEGIN
    IF to_regtype('staging.task_type_json') IS NULL THEN
        CREATE TYPE staging.task_type_json AS (
            id bigint,
            name text,
            color text,
            icon_id bigint,
            code text,
            updated_at staging.unix_seconds
        );
    END IF;
END;
$$;
COMMENT ON TYPE staging.task_type_json IS
'What amoCRM sends for one of task_types; other keys stay in amo.documents.';

CREATE TABLE IF NOT EXISTS amo.task_types (
    account_id bigint NOT NULL,
    id bigint NOT NULL,
    name text,
    color text,
    icon_id bigint,
    code text,
    updated_at timestamptz,
    deleted_at timestamptz,
    changed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT task_types_pkey PRIMARY KEY (account_id, id)
);
COMMENT ON TABLE amo.task_types IS 'Kinds of tasks, built in and own.';
COMMENT ON COLUMN amo.task_types.account_id IS 'The account in amoCRM.';
COMMENT ON COLUMN amo.task_types.id IS 'Id in amoCRM.';
COMMENT ON COLUMN amo.task_types.name IS 'As people see it in amoCRM.';
COMMENT ON COLUMN amo.task_types.color IS 'As amoCRM gives it.';
COMMENT ON COLUMN amo.task_types.icon_id IS 'Number of the icon.';
COMMENT ON COLUMN amo.task_types.code IS 'Of the built-in ones.';
COMMENT ON COLUMN amo.task_types.updated_at IS 'When it was last changed in amoCRM.';
COMMENT ON COLUMN amo.task_types.deleted_at IS 'When amoCRM was found not to have it any more.';
COMMENT ON COLUMN amo.task_types.changed_at IS 'When this row was last written here.';

CREATE UNLOGGED TABLE IF NOT EXISTS staging.task_types (
    LIKE amo.task_types INCLUDING DEFAULTS
) WITH (autovacuum_enabled = FALSE);
COMMENT ON TABLE staging.task_types IS
'Rows of amo.task_types that one transform is about to merge.';
