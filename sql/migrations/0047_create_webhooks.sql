-- Purpose: webhooks: the shape of the JSON, the typed rows of one transform, the table.
-- Writes:  staging.webhook_json, staging.webhooks, amo.webhooks
-- Re-run:  safe; what exists is kept.

DO $$
BEGIN
    IF to_regtype('staging.webhook_json') IS NULL THEN
        CREATE TYPE staging.webhook_json AS (
            id bigint,
            destination text,
            sort integer,
            disabled boolean,
            settings jsonb,
            created_by bigint,
            created_at staging.unix_seconds,
            updated_at staging.unix_seconds
        );
    END IF;
END;
$$;
COMMENT ON TYPE staging.webhook_json IS
'What amoCRM sends for one of webhooks; other keys stay in amo.documents.';

CREATE TABLE IF NOT EXISTS amo.webhooks (
    account_id bigint NOT NULL,
    id bigint NOT NULL,
    destination text,
    sort integer,
    disabled boolean,
    settings jsonb,
    created_by bigint,
    created_at timestamptz,
    updated_at timestamptz,
    deleted_at timestamptz,
    changed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT webhooks_pkey PRIMARY KEY (account_id, id)
);
COMMENT ON TABLE amo.webhooks IS 'Subscriptions to webhooks.';
COMMENT ON COLUMN amo.webhooks.account_id IS 'The account in amoCRM.';
COMMENT ON COLUMN amo.webhooks.id IS 'Id in amoCRM.';
COMMENT ON COLUMN amo.webhooks.destination IS 'Address that is called.';
COMMENT ON COLUMN amo.webhooks.sort IS 'Place in the order of the account.';
COMMENT ON COLUMN amo.webhooks.disabled IS 'amoCRM gave up calling it.';
COMMENT ON COLUMN amo.webhooks.settings IS 'Events that it is called for.';
COMMENT ON COLUMN amo.webhooks.created_by IS 'User who created it; 0: a robot or the API.';
COMMENT ON COLUMN amo.webhooks.created_at IS 'When it was created in amoCRM.';
COMMENT ON COLUMN amo.webhooks.updated_at IS 'When it was last changed in amoCRM.';
COMMENT ON COLUMN amo.webhooks.deleted_at IS 'When amoCRM was found not to have it any more.';
COMMENT ON COLUMN amo.webhooks.changed_at IS 'When this row was last written here.';

CREATE UNLOGGED TABLE IF NOT EXISTS staging.webhooks (
    LIKE amo.webhooks INCLUDING DEFAULTS
) WITH (autovacuum_enabled = FALSE);
COMMENT ON TABLE staging.webhooks IS
'Rows of amo.webhooks that one transform is about to merge.';
