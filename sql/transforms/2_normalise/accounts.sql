-- Purpose: typed rows of accounts from the documents that changed.
-- Version: 1
-- Reads:   staging.changed_documents
-- Writes:  staging.accounts, ops.rejects
-- Re-run:  safe; rebuilt from scratch.

TRUNCATE staging.accounts;

INSERT INTO staging.accounts (
    account_id, id, name, subdomain, country, currency, currency_symbol, customers_mode,
    current_user_id, version, is_unsorted_on, is_loss_reason_enabled,
    is_helpbot_enabled, is_technical_account, is_api_filter_enabled,
    contact_name_display_order, mobile_feature_version, amojo_id, uuid, drive_url,
    created_by, updated_by, created_at, updated_at, deleted_at
)
SELECT
    document.account_id,
    account.id,
    account.name,
    account.subdomain,
    account.country,
    account.currency,
    account.currency_symbol,
    account.customers_mode,
    account.current_user_id,
    account.version,
    account.is_unsorted_on,
    account.is_loss_reason_enabled,
    account.is_helpbot_enabled,
    account.is_technical_account,
    account.is_api_filter_enabled,
    account.contact_name_display_order,
    account.mobile_feature_version,
    account.amojo_id,
    account.uuid,
    account.drive_url,
    account.created_by,
    account.updated_by,
    to_timestamp(account.created_at) AS created_at,
    to_timestamp(account.updated_at) AS updated_at,
    document.deleted_at
FROM staging.changed_documents AS document
CROSS JOIN
    LATERAL
    staging.typed(NULL::staging.account_json, document.doc, document.stream, document.id)
        AS account
WHERE document.stream = 'account' AND account.id IS NOT NULL;
