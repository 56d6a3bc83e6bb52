-- Purpose: accounts: the shape of the JSON, the typed rows of one transform, the table.
-- Writes:  staging.account_json, staging.accounts, amo.accounts
-- Re-run:  safe; what exists is kept.

DO $$
BEGIN
    IF to_regtype('staging.account_json') IS NULL THEN
        CREATE TYPE staging.account_json AS (
            id bigint,
            name text,
            subdomain text,
            country text,
            currency text,
            currency_symbol text,
            customers_mode text,
            current_user_id bigint,
            version integer,
            is_unsorted_on boolean,
            is_loss_reason_enabled boolean,
            is_helpbot_enabled boolean,
            is_technical_account boolean,
            is_api_filter_enabled boolean,
            contact_name_display_order integer,
            mobile_feature_version integer,
            amojo_id text,
            uuid text,
            drive_url text,
            created_by bigint,
            updated_by bigint,
            created_at staging.unix_seconds,
            updated_at staging.unix_seconds
        );
    END IF;
END;
$$;
COMMENT ON TYPE staging.account_json IS
'What amoCRM sends for one of accounts; other keys stay in amo.documents.';

CREATE TABLE IF NOT EXISTS amo.accounts (
    account_id bigint NOT NULL,
    id bigint NOT NULL,
    name text,
    subdomain text,
    country text,
    currency text,
    currency_symbol text,
    customers_mode text,
    current_user_id bigint,
    version integer,
    is_unsorted_on boolean,
    is_loss_reason_enabled boolean,
    is_helpbot_enabled boolean,
    is_technical_account boolean,
    is_api_filter_enabled boolean,
    contact_name_display_order integer,
    mobile_feature_version integer,
    amojo_id text,
    uuid text,
    drive_url text,
    created_by bigint,
    updated_by bigint,
    created_at timestamptz,
    updated_at timestamptz,
    deleted_at timestamptz,
    changed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT accounts_pkey PRIMARY KEY (account_id, id)
);
COMMENT ON TABLE amo.accounts IS 'The account itself, one row.';
COMMENT ON COLUMN amo.accounts.is_api_filter_enabled IS
'FALSE: amoCRM ignores filters on the four main lists without saying so.';
COMMENT ON COLUMN amo.accounts.current_user_id IS 'Owner of the token that loaded it.';
COMMENT ON COLUMN amo.accounts.deleted_at IS 'When amoCRM was found not to have it any more.';
COMMENT ON COLUMN amo.accounts.changed_at IS 'When this row was last written here.';

CREATE UNLOGGED TABLE IF NOT EXISTS staging.accounts (
    LIKE amo.accounts INCLUDING DEFAULTS
) WITH (autovacuum_enabled = FALSE);
COMMENT ON TABLE staging.accounts IS
'Rows of amo.accounts that one transform is about to merge.';
