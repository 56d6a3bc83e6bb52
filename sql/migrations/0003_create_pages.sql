-- Purpose: pages of the API and the ledger that commits together with each of them.
-- Writes:  staging.pages, staging.epoch, ops.pages
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
'One row per API page, its JSON as it came. Emptied by TRUNCATE, hence never vacuumed.';
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
    rows integer NOT NULL,
    bytes integer NOT NULL,
    sha256 bytea NOT NULL,
    requests integer NOT NULL,
    wait_ms real NOT NULL,
    http_ms real NOT NULL,
    copy_ms real NOT NULL,
    committed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT pages_pkey PRIMARY KEY (run_id, stream, params, page_no)
);
COMMENT ON TABLE ops.pages IS 'The ledger: one row per page, committed together with the page.';
COMMENT ON COLUMN ops.pages.status IS
'empty: HTTP 204, nothing to stage. lost: a server crash emptied staging; it is asked for again.';
COMMENT ON COLUMN ops.pages.first_id IS
'Id of the first entity; a page that repeats it is no new page.';
COMMENT ON COLUMN ops.pages.sha256 IS 'Of the bytes as amoCRM sent them.';
COMMENT ON COLUMN ops.pages.requests IS 'HTTP requests it took, retries included.';
COMMENT ON COLUMN ops.pages.wait_ms IS 'Waiting for the rate limit, milliseconds.';
COMMENT ON COLUMN ops.pages.http_ms IS
'From request to last byte, retries and their pauses included.';
COMMENT ON COLUMN ops.pages.copy_ms IS 'COPY, shape check and ledger row.';
