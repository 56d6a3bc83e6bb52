-- Purpose: typed rows of files from the documents that changed.
-- Version: 1
-- Reads:   staging.changed_documents
-- Writes:  staging.files, ops.rejects
-- Re-run:  safe; rebuilt from scratch.

TRUNCATE staging.files;

INSERT INTO staging.files (
    account_id, uuid, type, name, sanitized_name, extension, mime_type, size, source_id,
    version_uuid, has_multiple_versions, created_at, created_by, created_by_type, updated_by,
    updated_by_type, is_trashed, trashed_at, trashed_by, trashed_by_type, updated_at,
    deleted_at
)
SELECT
    document.account_id,
    file.uuid,
    file.type,
    file.name,
    file.sanitized_name,
    file.metadata ->> 'extension' AS extension,
    file.metadata ->> 'mime_type' AS mime_type,
    file.size,
    file.source_id,
    file.version_uuid,
    file.has_multiple_versions,
    to_timestamp(file.created_at) AS created_at,
    staging.to_bigint(file.created_by ->> 'id') AS created_by,
    file.created_by ->> 'type' AS created_by_type,
    staging.to_bigint(file.updated_by ->> 'id') AS updated_by,
    file.updated_by ->> 'type' AS updated_by_type,
    file.is_trashed,
    to_timestamp(file.deleted_at) AS trashed_at,
    staging.to_bigint(file.deleted_by ->> 'id') AS trashed_by,
    file.deleted_by ->> 'type' AS trashed_by_type,
    to_timestamp(file.updated_at) AS updated_at,
    document.deleted_at
FROM staging.changed_documents AS document
CROSS JOIN
    LATERAL
    staging.typed(NULL::staging.file_json, document.doc, document.stream, document.id)
        AS file
WHERE document.stream = 'files' AND file.uuid IS NOT NULL;
