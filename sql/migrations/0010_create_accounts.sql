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
COMMENT ON COLUMN amo.accounts.account_id IS 'The account in amoCRM.';
COMMENT ON COLUMN amo.accounts.id IS 'Equal to account_id.';
COMMENT ON COLUMN amo.accounts.name IS 'As people see it in amoCRM.';
COMMENT ON COLUMN amo.accounts.subdomain IS 'The first word of its address.';
COMMENT ON COLUMN amo.accounts.country IS 'Two letters, ISO 3166.';
COMMENT ON COLUMN amo.accounts.currency IS 'Three letters, ISO 4217.';
COMMENT ON COLUMN amo.accounts.currency_symbol IS 'As people see it.';
COMMENT ON COLUMN amo.accounts.customers_mode IS
'unavailable, disabled, segments, dynamic or periodicity.';
COMMENT ON COLUMN amo.accounts.version IS 'Of the account, as amoCRM counts it.';
COMMENT ON COLUMN amo.accounts.is_unsorted_on IS 'Incoming leads wait to be accepted.';
COMMENT ON COLUMN amo.accounts.is_loss_reason_enabled IS 'Losing a lead asks for the reason.';
COMMENT ON COLUMN amo.accounts.is_helpbot_enabled IS 'As amoCRM says it.';
COMMENT ON COLUMN amo.accounts.is_technical_account IS 'As amoCRM says it.';
COMMENT ON COLUMN amo.accounts.contact_name_display_order IS
'1: first name first; 2: last name first.';
COMMENT ON COLUMN amo.accounts.mobile_feature_version IS 'As amoCRM says it.';
COMMENT ON COLUMN amo.accounts.amojo_id IS 'Id of the account in the chats.';
COMMENT ON COLUMN amo.accounts.uuid IS 'Its UUID in amoCRM.';
COMMENT ON COLUMN amo.accounts.drive_url IS 'Address of the file service.';
COMMENT ON COLUMN amo.accounts.created_by IS 'User who created it; 0: a robot or the API.';
COMMENT ON COLUMN amo.accounts.updated_by IS 'User who last changed it; 0: a robot or the API.';
COMMENT ON COLUMN amo.accounts.created_at IS 'When it was created in amoCRM.';
COMMENT ON COLUMN amo.accounts.updated_at IS 'When it was last changed in amoCRM.';
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
