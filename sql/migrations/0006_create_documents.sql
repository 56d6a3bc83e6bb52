-- Purpose: the last raw document of every entity, and the work lists of one transform.
-- Writes:  amo.documents, staging.items, staging.changes, staging.slices, staging.changed_documents, …
-- Re-run:  safe; what exists is kept.

CREATE TABLE IF NOT EXISTS amo.documents (
    account_id bigint NOT NULL,
    stream text NOT NULL,
    id text NOT NULL,
    doc jsonb NOT NULL,
    hash bigint NOT NULL,
    first_seen_run bigint NOT NULL,
    changed_run bigint NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    -- The hash in the index: an unchanged night compares hashes and reads no document.
    CONSTRAINT documents_pkey PRIMARY KEY (account_id, stream, id) INCLUDE (hash, deleted_at)
);
COMMENT ON TABLE amo.documents IS
'The newest JSON of each entity as it came, so that a changed transform needs no second load.';
COMMENT ON COLUMN amo.documents.account_id IS 'The account in amoCRM.';
COMMENT ON COLUMN amo.documents.stream IS 'A name of ops.streams.';
COMMENT ON COLUMN amo.documents.id IS
'Id as text; parent/id where ids are unique within one list only.';
COMMENT ON COLUMN amo.documents.doc IS 'The JSON as amoCRM sent it.';
COMMENT ON COLUMN amo.documents.changed_at IS 'When a transform last wrote it.';
COMMENT ON COLUMN amo.documents.deleted_at IS 'When amoCRM was found not to have it any more.';
COMMENT ON COLUMN amo.documents.hash IS
'Of the document without its links, which echo the query and change with the page number.';
COMMENT ON COLUMN amo.documents.first_seen_run IS 'Transform run that inserted it.';
COMMENT ON COLUMN amo.documents.changed_run IS
'Transform run that changed it last; later steps work on what changed since they last succeeded.';

CREATE INDEX IF NOT EXISTS documents_changed_run ON amo.documents (changed_run);

CREATE UNLOGGED TABLE IF NOT EXISTS staging.items (
    account_id bigint NOT NULL,
    stream text NOT NULL,
    id text,
    run_id bigint NOT NULL,
    page_no integer NOT NULL,
    fetched_at timestamptz NOT NULL,
    page tid NOT NULL,
    ordinal bigint NOT NULL,
    updated_at numeric,
    hash bigint NOT NULL,
    rank bigint NOT NULL
) WITH (autovacuum_enabled = FALSE);
COMMENT ON TABLE staging.items IS
'Every entity of every staged page: where it stands, its hash, its rank among its duplicates.';
COMMENT ON COLUMN staging.items.page IS 'Row of staging.pages.';
COMMENT ON COLUMN staging.items.ordinal IS 'Position in the list of that page, from 1.';
COMMENT ON COLUMN staging.items.rank IS '1: the newest. Above: superseded.';

CREATE UNLOGGED TABLE IF NOT EXISTS staging.changes (
    account_id bigint NOT NULL,
    stream text NOT NULL,
    id text NOT NULL,
    entity_id bigint,
    is_new boolean NOT NULL,
    CONSTRAINT changes_pkey PRIMARY KEY (account_id, stream, id)
) WITH (autovacuum_enabled = FALSE);
COMMENT ON TABLE staging.changes IS
'Documents that changed since the last successful transform: the work list of steps 2 and 3.';
COMMENT ON COLUMN staging.changes.entity_id IS
'The id as a number, for streams whose ids are numbers.';

CREATE UNLOGGED TABLE IF NOT EXISTS staging.slices (
    slice bigint NOT NULL,
    LIKE staging.changes
) WITH (autovacuum_enabled = FALSE);
COMMENT ON TABLE staging.slices IS
'The whole work list of bin/transform --chunk-rows, which fills staging.changes slice by slice.';

CREATE INDEX IF NOT EXISTS slices_slice ON staging.slices (slice);

CREATE OR REPLACE VIEW staging.changed_documents AS
SELECT
    change.account_id,
    change.stream,
    change.id,
    change.entity_id,
    document.doc,
    document.deleted_at
FROM staging.changes AS change
INNER JOIN amo.documents AS document
    ON
        change.account_id = document.account_id
        AND change.stream = document.stream
        AND change.id = document.id;
COMMENT ON VIEW staging.changed_documents IS
'The documents on the work list: what the files of step 2 make typed rows of.';

CREATE OR REPLACE VIEW staging.document_keys AS
SELECT
    document.account_id,
    document.stream,
    document.id,
    CASE WHEN stream.has_numeric_id THEN document.id::bigint END AS entity_id,
    document.changed_run,
    document.deleted_at
FROM amo.documents AS document
INNER JOIN ops.streams AS stream
    ON document.stream = stream.name;
COMMENT ON VIEW staging.document_keys IS
'Every kept document as the work list names it; of streams that are declared.';

-- Hrefs echo the query of the page (?page=7), and the page of an entity changes when others
-- vanish: a hash with them would call it changed. An entity inside _embedded counts with the
-- key and the place where it stands, which seed its hash.
-- In plpgsql, which keeps its plan: as an SQL function it took a third more of the time. A SET
-- of search_path would cost as much as the call.
CREATE OR REPLACE FUNCTION staging.embedded_hash(embedded jsonb)
RETURNS bigint
LANGUAGE plpgsql
IMMUTABLE PARALLEL SAFE
AS $$
BEGIN
    RETURN (
        SELECT
            bit_xor(
                jsonb_hash_extended(
                    CASE jsonb_typeof(item.doc)
                        WHEN 'object' THEN item.doc - '_links'
                        ELSE item.doc
                    END,
                    hashtextextended(list.key, item.ordinal)
                )
            )
        FROM
            jsonb_each(
                CASE jsonb_typeof(embedded) WHEN 'object' THEN embedded END
            ) AS list (key, value)
        CROSS JOIN
            LATERAL
            jsonb_path_query(list.value, '$[*]') WITH ORDINALITY AS item (doc, ordinal)
    );
END;
$$;
COMMENT ON FUNCTION staging.embedded_hash(jsonb) IS
'64-bit hash of the lists below _embedded without _links; NULL when they are empty.';

CREATE OR REPLACE FUNCTION staging.document_hash(doc jsonb)
RETURNS bigint
LANGUAGE sql
IMMUTABLE PARALLEL SAFE
RETURN jsonb_hash_extended(
    CASE jsonb_typeof(doc) WHEN 'object' THEN doc - '{_links,_embedded}'::text[] ELSE doc END,
    -- Most documents have none, and no call is cheaper than one.
    CASE
        WHEN doc ? '_embedded' THEN coalesce(staging.embedded_hash(doc -> '_embedded'), 0)
        ELSE 0
    END
);
COMMENT ON FUNCTION staging.document_hash(jsonb) IS
'64-bit hash of all but _links, at the top and in embedded entities; an empty list counts as none.';

-- In plpgsql, so that the page is asked for its list once: each time an expression asks, the page
-- is decompressed and the list copied, which took half of the time that exploding takes.
CREATE OR REPLACE FUNCTION staging.page_items(body jsonb, embedded_key text)
RETURNS jsonb
LANGUAGE plpgsql
IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog
AS $$
DECLARE
    list jsonb;
BEGIN
    IF embedded_key IS NULL THEN
        RETURN jsonb_build_array(body);
    END IF;
    list := body #> ARRAY['_embedded', embedded_key];
    RETURN CASE jsonb_typeof(list) WHEN 'array' THEN list END;
END;
$$;
COMMENT ON FUNCTION staging.page_items(jsonb, text) IS
'The list of a page; NULL when the page does not have the expected shape.';

CREATE OR REPLACE FUNCTION staging.document_id(doc jsonb, id_key text, is_numeric boolean)
RETURNS text
LANGUAGE sql
IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN jsonb_typeof(doc) <> 'object' THEN NULL
    -- One spelling for each number, so that a key of text is as good as one of bigint.
    WHEN is_numeric AND doc ->> id_key !~ '^(0|-?[1-9][0-9]{0,17})$' THEN NULL
    ELSE nullif(doc ->> id_key, '')
END;
COMMENT ON FUNCTION staging.document_id(jsonb, text, boolean) IS
'The id of an entity as text; NULL when it has none that can be a key.';
