-- Purpose: loss_reasons: the shape of the JSON, the typed rows of one transform, the table.
-- Writes:  staging.loss_reason_json, staging.loss_reasons, amo.loss_reasons
-- Re-run:  safe; what exists is kept.

DO $$
BEGIN
    IF to_regtype('staging.loss_reason_json') IS NULL THEN
        CREATE TYPE staging.loss_reason_json AS (
            id bigint,
            name text,
            sort integer,
            created_at staging.unix_seconds,
            updated_at staging.unix_seconds
        );
    END IF;
END;
$$;
COMMENT ON TYPE staging.loss_reason_json IS
'What amoCRM sends for one of loss_reasons; other keys stay in amo.documents.';

CREATE TABLE IF NOT EXISTS amo.loss_reasons (
    account_id bigint NOT NULL,
    id bigint NOT NULL,
    name text,
    sort integer,
    created_at timestamptz,
    updated_at timestamptz,
    deleted_at timestamptz,
    changed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT loss_reasons_pkey PRIMARY KEY (account_id, id)
);
COMMENT ON TABLE amo.loss_reasons IS 'Reasons why leads are lost.';
COMMENT ON COLUMN amo.loss_reasons.account_id IS 'The account in amoCRM.';
COMMENT ON COLUMN amo.loss_reasons.id IS 'Id in amoCRM.';
COMMENT ON COLUMN amo.loss_reasons.name IS 'As people see it in amoCRM.';
COMMENT ON COLUMN amo.loss_reasons.sort IS 'Place in the order of the account.';
COMMENT ON COLUMN amo.loss_reasons.created_at IS 'When it was created in amoCRM.';
COMMENT ON COLUMN amo.loss_reasons.updated_at IS 'When it was last changed in amoCRM.';
COMMENT ON COLUMN amo.loss_reasons.deleted_at IS
'When amoCRM was found not to have it any more.';
COMMENT ON COLUMN amo.loss_reasons.changed_at IS 'When this row was last written here.';

CREATE UNLOGGED TABLE IF NOT EXISTS staging.loss_reasons (
    LIKE amo.loss_reasons INCLUDING DEFAULTS
) WITH (autovacuum_enabled = FALSE);
COMMENT ON TABLE staging.loss_reasons IS
'Rows of amo.loss_reasons that one transform is about to merge.';
