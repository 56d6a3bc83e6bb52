-- Purpose: which fields of a document changed, and when.
-- Writes:  staging.document_fields(), amo.document_changes
-- Re-run:  safe; both are replaced by the same text.

CREATE OR REPLACE FUNCTION staging.document_fields(doc jsonb)
RETURNS TABLE (field text, value jsonb)
LANGUAGE sql
IMMUTABLE PARALLEL SAFE
AS $$
    SELECT
        member.key AS field,
        member.value
    FROM jsonb_each(CASE jsonb_typeof(doc) WHEN 'object' THEN doc END) AS member (key, value)
    WHERE
        member.key NOT IN ('_links', '_embedded')
        AND NOT (
            member.key = 'custom_fields_values'
            AND jsonb_typeof(member.value) IN ('array', 'null')
        )
    UNION ALL
    SELECT
        'custom_fields_values/' || coalesce(item.doc ->> 'field_id', '?') AS field,
        jsonb_agg(item.doc ORDER BY item.position) AS value
    FROM
        jsonb_array_elements(
            CASE jsonb_typeof(doc -> 'custom_fields_values')
                WHEN 'array' THEN doc -> 'custom_fields_values'
            END
        )
        WITH ORDINALITY AS item (doc, position)
    GROUP BY coalesce(item.doc ->> 'field_id', '?')
    UNION ALL
    SELECT
        '_embedded/' || list.key AS field,
        (
            SELECT
                jsonb_agg(
                    CASE jsonb_typeof(item.doc)
                        WHEN 'object' THEN item.doc - '_links'
                        ELSE item.doc
                    END
                    ORDER BY item.position
                )
            FROM jsonb_path_query(list.value, '$[*]') WITH ORDINALITY AS item (doc, position)
        ) AS value
    FROM
        jsonb_each(
            CASE jsonb_typeof(doc -> '_embedded') WHEN 'object' THEN doc -> '_embedded' END
        ) AS list (key, value)
$$;
COMMENT ON FUNCTION staging.document_fields(jsonb) IS
'A document as rows, without links: its keys, each custom field, each embedded list.';

CREATE OR REPLACE VIEW amo.document_changes AS
SELECT
    version.account_id,
    version.stream,
    version.id,
    version.valid_from AS changed_at,
    version.opened_run,
    change.field,
    change.before,
    change.after
FROM (
    SELECT
        kept.account_id,
        kept.stream,
        kept.id,
        kept.valid_from,
        kept.opened_run,
        kept.doc,
        lag(kept.doc) OVER (
            PARTITION BY kept.account_id, kept.stream, kept.id
            ORDER BY kept.valid_from
        ) AS doc_before
    FROM amo.document_versions AS kept
) AS version
CROSS JOIN
    LATERAL (
        SELECT
            coalesce(new.field, old.field) AS field,
            old.value AS before,
            new.value AS after
        FROM staging.document_fields(version.doc_before) AS old
        FULL JOIN staging.document_fields(version.doc) AS new
            ON old.field = new.field
        WHERE old.value IS DISTINCT FROM new.value
    ) AS change
WHERE version.doc_before IS NOT NULL;
COMMENT ON VIEW amo.document_changes IS
'Which fields of a document changed, and when, between two versions; ask for one id at a time.';
COMMENT ON COLUMN amo.document_changes.account_id IS 'The account in amoCRM.';
COMMENT ON COLUMN amo.document_changes.stream IS 'A name of ops.streams.';
COMMENT ON COLUMN amo.document_changes.id IS 'As in amo.documents.';
COMMENT ON COLUMN amo.document_changes.changed_at IS 'When a transform brought the new value.';
COMMENT ON COLUMN amo.document_changes.opened_run IS 'Transform run that brought it.';
COMMENT ON COLUMN amo.document_changes.field IS 'Key of the document; a custom field by its id.';
COMMENT ON COLUMN amo.document_changes.before IS 'NULL: there was none.';
COMMENT ON COLUMN amo.document_changes.after IS 'NULL: there is none any more.';
