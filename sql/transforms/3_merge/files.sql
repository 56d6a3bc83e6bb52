-- Purpose: bring amo.files up to the documents that changed.
-- Version: 1
-- Reads:   staging.files
-- Writes:  amo.files
-- Re-run:  safe; a row that has not changed is neither written nor locked.

MERGE INTO amo.files AS stored
USING staging.files AS staged
    ON
        stored.account_id = staged.account_id
        AND stored.uuid = staged.uuid

WHEN MATCHED AND to_jsonb(stored) - 'changed_at' = to_jsonb(staged) - 'changed_at' THEN
    DO NOTHING

WHEN MATCHED THEN
    UPDATE SET
        type = staged.type,
        name = staged.name,
        sanitized_name = staged.sanitized_name,
        extension = staged.extension,
        mime_type = staged.mime_type,
        size = staged.size,
        source_id = staged.source_id,
        version_uuid = staged.version_uuid,
        has_multiple_versions = staged.has_multiple_versions,
        created_at = staged.created_at,
        created_by = staged.created_by,
        created_by_type = staged.created_by_type,
        updated_by = staged.updated_by,
        updated_by_type = staged.updated_by_type,
        is_trashed = staged.is_trashed,
        trashed_at = staged.trashed_at,
        trashed_by = staged.trashed_by,
        trashed_by_type = staged.trashed_by_type,
        updated_at = staged.updated_at,
        deleted_at = staged.deleted_at,
        changed_at = now()

WHEN NOT MATCHED THEN
    INSERT (
        account_id, uuid, type, name, sanitized_name, extension, mime_type, size,
        source_id, version_uuid, has_multiple_versions, created_at, created_by,
        created_by_type, updated_by, updated_by_type, is_trashed, trashed_at,
        trashed_by, trashed_by_type, updated_at, deleted_at
    )
    VALUES (
        staged.account_id, staged.uuid, staged.type, staged.name, staged.sanitized_name,
        staged.extension, staged.mime_type, staged.size, staged.source_id,
        staged.version_uuid, staged.has_multiple_versions, staged.created_at,
        staged.created_by, staged.created_by_type, staged.updated_by,
        staged.updated_by_type, staged.is_trashed, staged.trashed_at, staged.trashed_by,
        staged.trashed_by_type, staged.updated_at, staged.deleted_at
    );
