-- Purpose: keys that amoCRM sends and no column reads, and values that no column could take.
-- Writes:  ops.known_keys, ops.document_keys, ops.v_drift, ops.v_rejects
-- Re-run:  safe; what exists is kept, the views are replaced by the same text.

-- The shapes say which keys become columns; the lists have what else is read, or left on purpose.
CREATE OR REPLACE VIEW ops.known_keys AS
SELECT
    stream.name AS stream,
    ARRAY['_links', '_embedded', 'account_id'] || entity.keys
    || array_agg(member.attname::text ORDER BY member.attnum) AS keys
FROM (
    VALUES
    ('accounts', 'account_json', '{}'::text[]),
    ('users', 'user_json', '{rights}'),
    ('roles', 'role_json', '{}'),
    ('pipelines', 'pipeline_json', '{}'),
    ('loss_reasons', 'loss_reason_json', '{}'),
    ('custom_field_groups', 'field_group_json', '{entity_type}'),
    -- triggers: an empty list wherever it was seen (facts §5.6).
    ('custom_fields', 'custom_field_json', '{entity_type,enums,triggers}'),
    ('tags', 'tag_json', '{}'),
    ('leads', 'lead_json', '{custom_fields_values}'),
    ('contacts', 'contact_json', '{custom_fields_values}'),
    ('companies', 'company_json', '{custom_fields_values}'),
    ('customers', 'customer_json', '{custom_fields_values}'),
    ('tasks', 'task_json', '{result}'),
    ('notes', 'note_json', '{}'),
    ('customer_statuses', 'customer_status_json', '{}'),
    ('segments', 'segment_json', '{custom_fields_values}'),
    ('transactions', 'purchase_json', '{customer_id}'),
    ('catalogs', 'catalog_json', '{}'),
    ('catalog_elements', 'catalog_element_json', '{custom_fields_values}'),
    ('unsorted', 'unsorted_json', '{}'),
    ('sources', 'source_json', '{default}'),
    ('webhooks', 'webhook_json', '{}'),
    ('widgets', 'widget_json', '{}'),
    ('events', 'event_json', '{entity_type}'),
    ('talks', 'talk_json', '{entity_type}'),
    ('files', 'file_json', '{}')
) AS entity (name, shape, keys)
INNER JOIN ops.streams AS stream
    ON entity.name = stream.entity
INNER JOIN pg_class AS shape
    ON entity.shape = shape.relname
INNER JOIN pg_namespace AS namespace
    ON
        shape.relnamespace = namespace.oid
        AND namespace.nspname = 'staging'
INNER JOIN pg_attribute AS member
    ON
        shape.oid = member.attrelid
        AND member.attnum > 0
        AND NOT member.attisdropped
GROUP BY stream.name, entity.keys;
COMMENT ON VIEW ops.known_keys IS
'The keys of the documents of each stream that are read. What lies in the trash is kept as it '
'came, and is not here.';

CREATE TABLE IF NOT EXISTS ops.document_keys (
    account_id bigint NOT NULL,
    stream text NOT NULL,
    key text NOT NULL,
    documents bigint NOT NULL,
    first_seen timestamptz NOT NULL DEFAULT now(),
    last_seen timestamptz NOT NULL DEFAULT now(),
    example_id text NOT NULL,
    example text,
    CONSTRAINT document_keys_pkey PRIMARY KEY (account_id, stream, key)
);
COMMENT ON TABLE ops.document_keys IS
'Keys of documents that were not in ops.known_keys when a transform met them; at most 100 a '
'stream and transform. Kept by sql/transforms/4_derive/document_keys.sql.';
COMMENT ON COLUMN ops.document_keys.key IS 'Its first 200 characters.';
COMMENT ON COLUMN ops.document_keys.documents IS
'How many of the documents that changed had it, in the last transform that met it.';
COMMENT ON COLUMN ops.document_keys.example_id IS 'Id of one of them in amo.documents.';
COMMENT ON COLUMN ops.document_keys.example IS 'What stood there, its first 200 characters.';

CREATE OR REPLACE VIEW ops.v_drift AS
SELECT
    seen.account_id,
    seen.stream,
    seen.key,
    seen.documents,
    date_trunc('second', seen.first_seen) AS first_seen,
    date_trunc('second', seen.last_seen) AS last_seen,
    seen.example_id,
    seen.example
FROM ops.document_keys AS seen
INNER JOIN ops.known_keys AS known
    ON seen.stream = known.stream
WHERE NOT seen.key = any(known.keys)
ORDER BY seen.account_id, seen.stream, seen.key;
COMMENT ON VIEW ops.v_drift IS
'Keys that amoCRM sends and that no typed column reads: amo.documents has them.';
COMMENT ON COLUMN ops.v_drift.documents IS
'How many had it, of those that changed in the last transform that met it. All are gone through '
'by bin/transform --rebuild document_keys.';
COMMENT ON COLUMN ops.v_drift.example IS 'What stood there in the document of example_id.';

CREATE OR REPLACE VIEW ops.v_rejects AS
SELECT
    reject.stream,
    reject.path,
    reject.reason,
    count(*) AS rejects,
    (array_agg(left(coalesce(reject.value, reject.raw), 40) ORDER BY reject.id DESC))[1]
        AS example,
    (array_agg(reject.entity_id ORDER BY reject.id DESC))[1] AS example_id,
    date_trunc('second', min(reject.rejected_at)) AS first_seen,
    date_trunc('second', max(reject.rejected_at)) AS last_seen
FROM (
    SELECT
        noted.id,
        noted.stream,
        noted.path,
        noted.value,
        noted.raw,
        noted.entity_id,
        noted.rejected_at,
        -- Reasons quote the value or name the place: the same one is to be one row.
        regexp_replace(
            regexp_replace(noted.reason, ', page [0-9]+, entry [0-9]+$', ''), '".*"', '"…"'
        ) AS reason
    FROM ops.rejects AS noted
) AS reject
GROUP BY reject.stream, reject.path, reject.reason
ORDER BY rejects DESC, reject.stream ASC, reject.path ASC;
COMMENT ON VIEW ops.v_rejects IS
'What is in ops.rejects now by stream, path and reason: values that could not be typed.';
COMMENT ON COLUMN ops.v_rejects.reason IS 'With … in place of the value that it quotes.';
COMMENT ON COLUMN ops.v_rejects.example IS 'The newest such value, its first 40 characters.';
COMMENT ON COLUMN ops.v_rejects.example_id IS 'The entity that it belongs to.';
COMMENT ON COLUMN ops.v_rejects.first_seen IS
'When the oldest of them was written; a transform writes those of a changed document anew.';
