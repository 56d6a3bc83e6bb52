-- Purpose: notes: the shape of the JSON, the typed rows of one transform, the table.
-- Writes:  staging.note_json, staging.notes, amo.notes
-- Re-run:  safe; what exists is kept.

DO $$
BEGIN
    IF to_regtype('staging.note_json') IS NULL THEN
        CREATE TYPE staging.note_json AS (
            id bigint,
            entity_id bigint,
            note_type text,
            params jsonb,
            responsible_user_id bigint,
            group_id bigint,
            created_by bigint,
            updated_by bigint,
            created_at staging.unix_seconds,
            updated_at staging.unix_seconds,
            is_pinned boolean
        );
    END IF;
END;
$$;
COMMENT ON TYPE staging.note_json IS
'What amoCRM sends for one of notes; other keys stay in amo.documents.';

CREATE TABLE IF NOT EXISTS amo.notes (
    account_id bigint NOT NULL,
    entity_type text NOT NULL,
    id bigint NOT NULL,
    entity_id bigint,
    note_type text,
    params jsonb,
    responsible_user_id bigint,
    group_id bigint,
    created_by bigint,
    updated_by bigint,
    created_at timestamptz,
    is_pinned boolean,
    text text,
    updated_at timestamptz,
    deleted_at timestamptz,
    changed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT notes_pkey PRIMARY KEY (account_id, entity_type, id)
);
COMMENT ON TABLE amo.notes IS 'Notes, calls, mails and messages; note_type is an open set.';
COMMENT ON COLUMN amo.notes.account_id IS 'The account in amoCRM.';
COMMENT ON COLUMN amo.notes.entity_type IS 'What it belongs to, in the plural.';
COMMENT ON COLUMN amo.notes.id IS 'Id in amoCRM.';
COMMENT ON COLUMN amo.notes.entity_id IS 'Id of the entity, in the table that entity_type names.';
COMMENT ON COLUMN amo.notes.note_type IS 'An open set: common, call_in, call_out, attachment …';
COMMENT ON COLUMN amo.notes.responsible_user_id IS 'Of amo.users.';
COMMENT ON COLUMN amo.notes.group_id IS 'Group of the responsible user, amo.groups.';
COMMENT ON COLUMN amo.notes.created_by IS 'User who wrote it; 0: a robot or the API.';
COMMENT ON COLUMN amo.notes.updated_by IS 'User who last changed it; 0: a robot or the API.';
COMMENT ON COLUMN amo.notes.created_at IS 'When it was created in amoCRM.';
COMMENT ON COLUMN amo.notes.is_pinned IS 'Shown on top.';
COMMENT ON COLUMN amo.notes.updated_at IS 'When it was last changed in amoCRM.';
COMMENT ON COLUMN amo.notes.params IS 'What the note type needs: phone, duration, link …';
COMMENT ON COLUMN amo.notes.text IS 'params.text, where the type has one.';
COMMENT ON COLUMN amo.notes.deleted_at IS 'When amoCRM was found not to have it any more.';
COMMENT ON COLUMN amo.notes.changed_at IS 'When this row was last written here.';

CREATE UNLOGGED TABLE IF NOT EXISTS staging.notes (
    LIKE amo.notes INCLUDING DEFAULTS
) WITH (autovacuum_enabled = FALSE);
COMMENT ON TABLE staging.notes IS 'Rows of amo.notes that one transform is about to merge.';
