-- Purpose: bring amo.custom_fields up to the documents that changed.
-- Version: 1
-- Reads:   staging.custom_fields
-- Writes:  amo.custom_fields
-- Re-run:  safe; a row that has not changed is neither written nor locked.

MERGE INTO amo.custom_fields AS stored
USING staging.custom_fields AS staged
    ON
        stored.account_id = staged.account_id
        AND stored.entity_type = staged.entity_type
        AND stored.id = staged.id

WHEN MATCHED AND to_jsonb(stored) - 'changed_at' = to_jsonb(staged) - 'changed_at' THEN
    DO NOTHING

WHEN MATCHED THEN
    UPDATE SET
        name = staged.name,
        code = staged.code,
        type = staged.type,
        sort = staged.sort,
        group_id = staged.group_id,
        is_api_only = staged.is_api_only,
        is_predefined = staged.is_predefined,
        is_deletable = staged.is_deletable,
        is_computed = staged.is_computed,
        is_visible = staged.is_visible,
        is_required = staged.is_required,
        currency = staged.currency,
        remind = staged.remind,
        tracking_callback = staged.tracking_callback,
        search_in = staged.search_in,
        settings = staged.settings,
        nested = staged.nested,
        required_statuses = staged.required_statuses,
        hidden_statuses = staged.hidden_statuses,
        chained_lists = staged.chained_lists,
        updated_at = staged.updated_at,
        deleted_at = staged.deleted_at,
        changed_at = now()

WHEN NOT MATCHED THEN
    INSERT (
        account_id, entity_type, id, name, code, type, sort, group_id, is_api_only,
        is_predefined, is_deletable, is_computed, is_visible, is_required, currency,
        remind, tracking_callback, search_in, settings, nested, required_statuses,
        hidden_statuses, chained_lists, updated_at, deleted_at
    )
    VALUES (
        staged.account_id, staged.entity_type, staged.id, staged.name, staged.code,
        staged.type, staged.sort, staged.group_id, staged.is_api_only,
        staged.is_predefined, staged.is_deletable, staged.is_computed,
        staged.is_visible, staged.is_required, staged.currency, staged.remind,
        staged.tracking_callback, staged.search_in, staged.settings, staged.nested,
        staged.required_statuses, staged.hidden_statuses, staged.chained_lists,
        staged.updated_at, staged.deleted_at
    );
