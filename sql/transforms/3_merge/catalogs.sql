-- Purpose: bring amo.catalogs up to the documents that changed.
-- Version: 1
-- Reads:   staging.catalogs
-- Writes:  amo.catalogs
-- Re-run:  safe; a row that has not changed is neither written nor locked.

MERGE INTO amo.catalogs AS stored
USING staging.catalogs AS staged
    ON
        stored.account_id = staged.account_id
        AND stored.id = staged.id

WHEN MATCHED AND to_jsonb(stored) - 'changed_at' = to_jsonb(staged) - 'changed_at' THEN
    DO NOTHING

WHEN MATCHED THEN
    UPDATE SET
        name = staged.name,
        type = staged.type,
        sort = staged.sort,
        created_by = staged.created_by,
        updated_by = staged.updated_by,
        created_at = staged.created_at,
        can_add_elements = staged.can_add_elements,
        can_show_in_cards = staged.can_show_in_cards,
        can_link_multiple = staged.can_link_multiple,
        can_be_deleted = staged.can_be_deleted,
        sdk_widget_code = staged.sdk_widget_code,
        updated_at = staged.updated_at,
        deleted_at = staged.deleted_at,
        changed_at = now()

WHEN NOT MATCHED THEN
    INSERT (
        account_id, id, name, type, sort, created_by, updated_by, created_at,
        can_add_elements, can_show_in_cards, can_link_multiple, can_be_deleted,
        sdk_widget_code, updated_at, deleted_at
    )
    VALUES (
        staged.account_id, staged.id, staged.name, staged.type, staged.sort,
        staged.created_by, staged.updated_by, staged.created_at,
        staged.can_add_elements, staged.can_show_in_cards, staged.can_link_multiple,
        staged.can_be_deleted, staged.sdk_widget_code, staged.updated_at,
        staged.deleted_at
    );
