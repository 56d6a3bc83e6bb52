-- Purpose: bring amo.talks up to the documents that changed.
-- Version: 1
-- Reads:   staging.talks
-- Writes:  amo.talks
-- Re-run:  safe; a row that has not changed is neither written nor locked.

MERGE INTO amo.talks AS stored
USING staging.talks AS staged
    ON
        stored.account_id = staged.account_id
        AND stored.talk_id = staged.talk_id

WHEN MATCHED AND to_jsonb(stored) - 'changed_at' = to_jsonb(staged) - 'changed_at' THEN
    DO NOTHING

WHEN MATCHED THEN
    UPDATE SET
        chat_id = staged.chat_id,
        contact_id = staged.contact_id,
        entity_type = staged.entity_type,
        entity_id = staged.entity_id,
        origin = staged.origin,
        rate = staged.rate,
        is_in_work = staged.is_in_work,
        is_read = staged.is_read,
        missed_at = staged.missed_at,
        created_at = staged.created_at,
        updated_at = staged.updated_at,
        deleted_at = staged.deleted_at,
        changed_at = now()

WHEN NOT MATCHED THEN
    INSERT (
        account_id, talk_id, chat_id, contact_id, entity_type, entity_id, origin, rate,
        is_in_work, is_read, missed_at, created_at, updated_at, deleted_at
    )
    VALUES (
        staged.account_id, staged.talk_id, staged.chat_id, staged.contact_id,
        staged.entity_type, staged.entity_id, staged.origin, staged.rate,
        staged.is_in_work, staged.is_read, staged.missed_at, staged.created_at,
        staged.updated_at, staged.deleted_at
    );
