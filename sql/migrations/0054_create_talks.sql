-- Purpose: talks: the shape of the JSON, the typed rows of one transform, the table.
-- Writes:  staging.talk_json, staging.talks, amo.talks
-- Re-run:  safe; what exists is kept.

DO $$
BEGIN
    IF to_regtype('staging.talk_json') IS NULL THEN
        CREATE TYPE staging.talk_json AS (
            talk_id bigint,
            chat_id text,
            contact_id bigint,
            entity_id bigint,
            origin text,
            rate integer,
            is_in_work boolean,
            is_read boolean,
            missed_at staging.unix_seconds,
            created_at staging.unix_seconds,
            updated_at staging.unix_seconds
        );
    END IF;
END;
$$;
COMMENT ON TYPE staging.talk_json IS
'What amoCRM sends for one of talks; other keys stay in amo.documents.';

CREATE TABLE IF NOT EXISTS amo.talks (
    account_id bigint NOT NULL,
    talk_id bigint NOT NULL,
    chat_id text,
    contact_id bigint,
    entity_type text,
    entity_id bigint,
    origin text,
    rate integer,
    is_in_work boolean,
    is_read boolean,
    missed_at timestamptz,
    created_at timestamptz,
    updated_at timestamptz,
    deleted_at timestamptz,
    changed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT talks_pkey PRIMARY KEY (account_id, talk_id)
);
COMMENT ON TABLE amo.talks IS
'Conversations in messengers, as of the last event that named them: amoCRM has no list of them. '
'Filled by bin/load --stream talks only, one request each.';
COMMENT ON COLUMN amo.talks.account_id IS 'The account in amoCRM.';
COMMENT ON COLUMN amo.talks.talk_id IS 'Id in amoCRM.';
COMMENT ON COLUMN amo.talks.chat_id IS 'UUID of the chat.';
COMMENT ON COLUMN amo.talks.contact_id IS 'Of amo.contacts.';
COMMENT ON COLUMN amo.talks.entity_id IS 'Id of the entity, in the table that entity_type names.';
COMMENT ON COLUMN amo.talks.is_read IS 'As of that event.';
COMMENT ON COLUMN amo.talks.created_at IS 'When it was created in amoCRM.';
COMMENT ON COLUMN amo.talks.updated_at IS 'When it was last changed in amoCRM.';
COMMENT ON COLUMN amo.talks.entity_type IS
'What it is about, leads or customers. In the plural; amoCRM says it in the singular here.';
COMMENT ON COLUMN amo.talks.origin IS 'Kind of messenger: telegram, viber …';
COMMENT ON COLUMN amo.talks.rate IS 'What the client gave when a bot asked.';
COMMENT ON COLUMN amo.talks.is_in_work IS 'Not closed.';
COMMENT ON COLUMN amo.talks.missed_at IS
'When nobody had answered within the time set in the account.';
COMMENT ON COLUMN amo.talks.deleted_at IS 'When amoCRM was found not to have it any more.';
COMMENT ON COLUMN amo.talks.changed_at IS 'When this row was last written here.';

CREATE UNLOGGED TABLE IF NOT EXISTS staging.talks (
    LIKE amo.talks INCLUDING DEFAULTS
) WITH (autovacuum_enabled = FALSE);
COMMENT ON TABLE staging.talks IS 'Rows of amo.talks that one transform is about to merge.';
