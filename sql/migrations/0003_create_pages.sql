-- Purpose: pages of the API and the ledger that commits together with each of them.
-- Writes:  staging.pages, staging.epoch, staging.page_facts, ops.pages
-- Re-run:  safe; what exists is kept.

CREATE UNLOGGED TABLE IF NOT EXISTS staging.pages (
    run_id bigint NOT NULL,
    stream text NOT NULL,
    page_no integer NOT NULL,
    params jsonb NOT NULL,
    fetched_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    body jsonb NOT NULL
) WITH (autovacuum_enabled = FALSE, toast.autovacuum_enabled = FALSE);
COMMENT ON TABLE staging.pages IS
'One row per API page, its JSON as it came, less what was not asked for. Emptied by TRUNCATE, '
'hence never vacuumed.';
COMMENT ON COLUMN staging.pages.params IS
'Query parameters, and the parent id where there is one.';

-- lz4 takes half the CPU of pglz for the same pages; not every build has it.
DO $$
BEGIN
    IF EXISTS (
        SELECT FROM pg_settings
        WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)
    ) THEN
        ALTER TABLE staging.pages ALTER COLUMN body SET COMPRESSION lz4;
    END IF;
END;
$$;

CREATE UNLOGGED TABLE IF NOT EXISTS staging.epoch (
    epoch uuid NOT NULL,
    since timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE staging.epoch IS
'One row. It is missing after a server crash, and with it the content of staging.pages.';

CREATE TABLE IF NOT EXISTS ops.pages (
    run_id bigint NOT NULL CONSTRAINT pages_run_id_fkey
    REFERENCES ops.runs (id) ON DELETE CASCADE,
    stream text NOT NULL,
    params jsonb NOT NULL,
    page_no integer NOT NULL,
    status text NOT NULL CONSTRAINT pages_status CHECK (status IN ('staged', 'empty', 'lost')),
    has_next boolean NOT NULL,
    first_id text,
    last_id text,
    oldest bigint,
    rows integer NOT NULL,
    skipped integer NOT NULL DEFAULT 0,
    bytes integer NOT NULL,
    sha256 bytea NOT NULL,
    requests integer NOT NULL,
    wait_ms real NOT NULL,
    http_ms real NOT NULL,
    copy_ms real NOT NULL,
    answered_at timestamptz,
    committed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT pages_pkey PRIMARY KEY (run_id, stream, params, page_no)
);
COMMENT ON TABLE ops.pages IS 'The ledger: one row per page, committed together with the page.';
COMMENT ON COLUMN ops.pages.run_id IS 'Of ops.runs.';
COMMENT ON COLUMN ops.pages.stream IS 'A name of ops.streams.';
COMMENT ON COLUMN ops.pages.params IS 'Query parameters, and the parent id where there is one.';
COMMENT ON COLUMN ops.pages.page_no IS 'From 1.';
COMMENT ON COLUMN ops.pages.has_next IS 'amoCRM named a next page.';
COMMENT ON COLUMN ops.pages.last_id IS 'Id of the last entity.';
COMMENT ON COLUMN ops.pages.rows IS 'Entities on it.';
COMMENT ON COLUMN ops.pages.bytes IS 'Of the body as amoCRM sent it.';
COMMENT ON COLUMN ops.pages.committed_at IS 'When the page and this row were committed.';
COMMENT ON COLUMN ops.pages.status IS
'empty: HTTP 204, nothing to stage. lost: a server crash emptied staging; it is asked for again.';
COMMENT ON COLUMN ops.pages.first_id IS
'Id of the first entity; a page that repeats it is no new page.';
COMMENT ON COLUMN ops.pages.oldest IS
'The smallest updated_at of the page, Unix seconds: shows whether a filter was honoured.';
COMMENT ON COLUMN ops.pages.skipped IS
'Entities that the page held and that were not asked for: left out before it was committed.';
COMMENT ON COLUMN ops.pages.answered_at IS
'The Date header of the answer: the clock of amoCRM, in whole seconds.';
COMMENT ON COLUMN ops.pages.sha256 IS 'Of the bytes as amoCRM sent them.';
COMMENT ON COLUMN ops.pages.requests IS 'HTTP requests it took, retries included.';
COMMENT ON COLUMN ops.pages.wait_ms IS 'Waiting for the rate limit, milliseconds.';
COMMENT ON COLUMN ops.pages.http_ms IS
'From request to last byte, retries and their pauses included.';
COMMENT ON COLUMN ops.pages.copy_ms IS 'COPY, shape check and ledger row.';

-- What is told about a list without looking at its entities one by one outside the database.
CREATE OR REPLACE FUNCTION staging.page_facts(items jsonb, id_key text)
RETURNS TABLE (is_growing boolean, is_falling boolean, oldest bigint)
LANGUAGE sql
IMMUTABLE PARALLEL SAFE
AS $$
    SELECT
        coalesce(bool_and(item.id > item.id_before), TRUE) AS is_growing,
        coalesce(bool_and(item.updated_at <= item.updated_before), TRUE) AS is_falling,
        min(item.updated_at) FILTER (WHERE abs(item.updated_at) < 1e15)::bigint AS oldest
    FROM (
        SELECT
            number.id,
            number.updated_at,
            lag(number.id) OVER in_order AS id_before,
            lag(number.updated_at) OVER in_order AS updated_before
        FROM (
            SELECT
                element.position,
                CASE jsonb_typeof(element.doc -> id_key)
                    WHEN 'number' THEN (element.doc -> id_key)::numeric
                END AS id,
                CASE jsonb_typeof(element.doc -> 'updated_at')
                    WHEN 'number' THEN trunc((element.doc -> 'updated_at')::numeric)
                END AS updated_at
            FROM
                jsonb_array_elements(items)
                WITH ORDINALITY AS element (doc, position)
        ) AS number
        WINDOW in_order AS (ORDER BY number.position)
    ) AS item;
$$;
COMMENT ON FUNCTION staging.page_facts(jsonb, text) IS
'Do the ids of a list grow, do its times of change fall, and which one is the oldest.';

CREATE OR REPLACE FUNCTION staging.kept_items(items jsonb, wanted jsonpath, vars jsonb)
RETURNS jsonb
LANGUAGE sql
IMMUTABLE PARALLEL SAFE
AS $$
    SELECT coalesce(jsonb_agg(element.doc ORDER BY element.position), '[]'::jsonb)
    FROM jsonb_array_elements(items) WITH ORDINALITY AS element (doc, position)
    WHERE jsonb_path_exists(element.doc, wanted, vars, TRUE)
$$;
COMMENT ON FUNCTION staging.kept_items(jsonb, jsonpath, jsonb) IS
'The entities of a list for which the path finds something.';
