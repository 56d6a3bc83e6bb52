-- Purpose: bring amo.accounts up to the documents that changed.
-- Version: 1
-- Reads:   staging.accounts
-- Writes:  amo.accounts
-- Re-run:  safe; a row that has not changed is neither written nor locked.

MERGE INTO amo.accounts AS stored
USING staging.accounts AS staged
    ON
        stored.account_id = staged.account_id
        AND stored.id = staged.id

WHEN MATCHED AND to_jsonb(stored) - 'changed_at' = to_jsonb(staged) - 'changed_at' THEN
    DO NOTHING

WHEN MATCHED THEN
    UPDATE SET
        name = staged.name,
        subdomain = staged.subdomain,
        country = staged.country,
        currency = staged.currency,
        currency_symbol = staged.currency_symbol,
        customers_mode = staged.customers_mode,
        current_user_id = staged.current_user_id,
        version = staged.version,
        is_unsorted_on = staged.is_unsorted_on,
        is_loss_reason_enabled = staged.is_loss_reason_enabled,
        is_helpbot_enabled = staged.is_helpbot_enabled,
        is_technical_account = staged.is_technical_account,
        is_api_filter_enabled = staged.is_api_filter_enabled,
        contact_name_display_order = staged.contact_name_display_order,
        mobile_feature_version = staged.mobile_feature_version,
        amojo_id = staged.amojo_id,
        uuid = staged.uuid,
        drive_url = staged.drive_url,
        created_by = staged.created_by,
        updated_by = staged.updated_by,
        created_at = staged.created_at,
        updated_at = staged.updated_at,
        deleted_at = staged.deleted_at,
        changed_at = now()

WHEN NOT MATCHED THEN
    INSERT (
        account_id, id, name, subdomain, country, currency, currency_symbol,
        customers_mode, current_user_id, version, is_unsorted_on,
        is_loss_reason_enabled, is_helpbot_enabled, is_technical_account,
        is_api_filter_enabled, contact_name_display_order, mobile_feature_version,
        amojo_id, uuid, drive_url, created_by, updated_by, created_at, updated_at,
        deleted_at
    )
    VALUES (
        staged.account_id, staged.id, staged.name, staged.subdomain, staged.country,
        staged.currency, staged.currency_symbol, staged.customers_mode,
        staged.current_user_id, staged.version, staged.is_unsorted_on,
        staged.is_loss_reason_enabled, staged.is_helpbot_enabled,
        staged.is_technical_account, staged.is_api_filter_enabled,
        staged.contact_name_display_order, staged.mobile_feature_version,
        staged.amojo_id, staged.uuid, staged.drive_url, staged.created_by,
        staged.updated_by, staged.created_at, staged.updated_at, staged.deleted_at
    );
