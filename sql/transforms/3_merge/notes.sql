-- Purpose: bring amo.notes up to the documents that changed.
-- Version: 1
-- Reads:   staging.notes
-- Writes:  amo.notes
-- Re-run:  safe; a row that has not changed is neither written nor locked.

MERGE INTO amo.notes AS stored
USING staging.notes AS staged
    ON
        stored.account_id = staged.account_id
        AND stored.entity_type = staged.entity_type
        AND stored.id = staged.id

WHEN MATCHED AND to_jsonb(stored) - 'changed_at' = to_jsonb(staged) - 'changed_at' THEN
    DO NOTHING

WHEN MATCHED THEN
    UPDATE SET
        entity_id = staged.entity_id,
        note_type = staged.note_type,
        params = staged.params,
        responsible_user_id = staged.responsible_user_id,
        group_id = staged.group_id,
        created_by = staged.created_by,
        updated_by = staged.updated_by,
        created_at = staged.created_at,
        is_pinned = staged.is_pinned,
        text = staged.text,
        updated_at = staged.updated_at,
        deleted_at = staged.deleted_at,
        changed_at = now()

WHEN NOT MATCHED THEN
    INSERT (
        account_id, entity_type, id, entity_id, note_type, params, responsible_user_id,
        group_id, created_by, updated_by, created_at, is_pinned, text, updated_at,
        deleted_at
    )
    VALUES (
        staged.account_id, staged.entity_type, staged.id, staged.entity_id,
        staged.note_type, staged.params, staged.responsible_user_id, staged.group_id,
        staged.created_by, staged.updated_by, staged.created_at, staged.is_pinned,
        staged.text, staged.updated_at, staged.deleted_at
    );
