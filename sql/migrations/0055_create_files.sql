-- Purpose: files: the shape of the JSON, the typed rows of one transform, the table.
-- Writes:  staging.file_json, staging.files, amo.files
-- Re-run:  safe; what exists is kept.

DO $$
BEGIN
    IF to_regtype('staging.file_json') IS NULL THEN
        CREATE TYPE staging.file_json AS (
            uuid text,
            type text,
            name text,
            sanitized_name text,
            size bigint,
            source_id bigint,
            version_uuid text,
            has_multiple_versions boolean,
            is_trashed boolean,
            metadata jsonb,
            created_at staging.unix_seconds,
            created_by jsonb,
            updated_at staging.unix_seconds,
            updated_by jsonb,
            deleted_at staging.unix_seconds,
            deleted_by jsonb
        );
    END IF;
END;
$$;
COMMENT ON TYPE staging.file_json IS
'What the file service sends for one of files; other keys stay in amo.documents.';

CREATE TABLE IF NOT EXISTS amo.files (
    account_id bigint NOT NULL,
    uuid text NOT NULL,
    type text,
    name text,
    sanitized_name text,
    extension text,
    mime_type text,
    size bigint,
    source_id bigint,
    version_uuid text,
    has_multiple_versions boolean,
    created_at timestamptz,
    created_by bigint,
    created_by_type text,
    updated_by bigint,
    updated_by_type text,
    is_trashed boolean,
    trashed_at timestamptz,
    trashed_by bigint,
    trashed_by_type text,
    updated_at timestamptz,
    deleted_at timestamptz,
    changed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT files_pkey PRIMARY KEY (account_id, uuid)
);
COMMENT ON TABLE amo.files IS
'What is known of the files of the account, not the files themselves. '
'Filled by bin/load --stream files only, which needs the right to files.';
COMMENT ON COLUMN amo.files.account_id IS 'The account in amoCRM.';
COMMENT ON COLUMN amo.files.uuid IS 'Id of the file.';
COMMENT ON COLUMN amo.files.name IS 'As people see it in amoCRM.';
COMMENT ON COLUMN amo.files.extension IS 'Of the name, without the dot.';
COMMENT ON COLUMN amo.files.mime_type IS 'As the file service says it.';
COMMENT ON COLUMN amo.files.source_id IS 'Where the file came from.';
COMMENT ON COLUMN amo.files.version_uuid IS 'Its newest version.';
COMMENT ON COLUMN amo.files.has_multiple_versions IS 'There are older ones.';
COMMENT ON COLUMN amo.files.created_at IS 'When it was created in amoCRM.';
COMMENT ON COLUMN amo.files.created_by_type IS 'Kind of author: internal is a user.';
COMMENT ON COLUMN amo.files.updated_by IS 'As created_by.';
COMMENT ON COLUMN amo.files.updated_by_type IS 'As created_by_type.';
COMMENT ON COLUMN amo.files.is_trashed IS 'It was thrown away.';
COMMENT ON COLUMN amo.files.trashed_by IS 'As created_by.';
COMMENT ON COLUMN amo.files.trashed_by_type IS 'As created_by_type.';
COMMENT ON COLUMN amo.files.updated_at IS 'When it was last changed in amoCRM.';
COMMENT ON COLUMN amo.files.type IS 'image, video, audio, document or file.';
COMMENT ON COLUMN amo.files.sanitized_name IS 'The name in ASCII.';
COMMENT ON COLUMN amo.files.size IS 'Bytes.';
COMMENT ON COLUMN amo.files.created_by IS
'The id in it; what created_by_type says it is the id of, a user for internal. 0 is a robot.';
COMMENT ON COLUMN amo.files.trashed_at IS
'amoCRM calls it deleted_at: when the file was thrown away.';
COMMENT ON COLUMN amo.files.deleted_at IS
'When amoCRM was found not to have it any more; files are not looked for one by one.';
COMMENT ON COLUMN amo.files.changed_at IS 'When this row was last written here.';

CREATE UNLOGGED TABLE IF NOT EXISTS staging.files (
    LIKE amo.files INCLUDING DEFAULTS
) WITH (autovacuum_enabled = FALSE);
COMMENT ON TABLE staging.files IS 'Rows of amo.files that one transform is about to merge.';
