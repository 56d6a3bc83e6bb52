-- Purpose: what ran, when, how it ended.
-- Writes:  ops.runs, ops.streams, ops.run_streams, ops.counters
-- Re-run:  safe; what exists is kept.

CREATE TABLE IF NOT EXISTS ops.runs (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT runs_pkey PRIMARY KEY,
    kind text NOT NULL CONSTRAINT runs_kind CHECK (kind IN ('load', 'transform', 'refresh')),
    mode text NOT NULL,
    account_id bigint,
    base_url text,
    streams text[],
    companies text[],
    status text NOT NULL DEFAULT 'running' CONSTRAINT runs_status
    CHECK (status IN ('running', 'ok', 'partial', 'failed', 'interrupted', 'lost', 'abandoned')),
    epoch uuid,
    started_at timestamptz NOT NULL DEFAULT now(),
    resumed_at timestamptz,
    finished_at timestamptz,
    transformed_by bigint,
    refreshed_by bigint,
    as_of timestamptz,
    exit_code integer,
    message text,
    version text NOT NULL DEFAULT '',
    host text NOT NULL DEFAULT '',
    pid integer NOT NULL DEFAULT pg_backend_pid()
);
COMMENT ON TABLE ops.runs IS
'One row per bin/load, bin/transform and bin/refresh, which is a load and a transform.';
COMMENT ON COLUMN ops.runs.id IS 'Grows with time.';
COMMENT ON COLUMN ops.runs.kind IS 'load, transform or refresh.';
COMMENT ON COLUMN ops.runs.account_id IS 'The account; NULL until it is known.';
COMMENT ON COLUMN ops.runs.base_url IS 'Address that was asked.';
COMMENT ON COLUMN ops.runs.streams IS 'The streams that it reads; of a transform NULL.';
COMMENT ON COLUMN ops.runs.started_at IS 'When it began.';
COMMENT ON COLUMN ops.runs.resumed_at IS 'When it was last continued.';
COMMENT ON COLUMN ops.runs.finished_at IS 'NULL: it is running, or was killed.';
COMMENT ON COLUMN ops.runs.exit_code IS 'As the command ended; NULL: it did not end by itself.';
COMMENT ON COLUMN ops.runs.message IS 'What the error said.';
COMMENT ON COLUMN ops.runs.version IS 'Of amo-loader.';
COMMENT ON COLUMN ops.runs.host IS 'Where it ran.';
COMMENT ON COLUMN ops.runs.pid IS 'Its process on that host; of a file run by hand, the backend.';
COMMENT ON COLUMN ops.runs.mode IS
'Of a load: full, incremental or companies. Of a transform: transform, rebuild or by hand. Of a '
'refresh: full.';
COMMENT ON COLUMN ops.runs.companies IS
'Of a load with --companies: its expressions in one spelling; many ids as the first, how many, and '
'a digest. Only a load of the same ones is continued. NULL: all companies.';
COMMENT ON COLUMN ops.runs.status IS
'lost: its staged pages vanished in a server crash and are asked for again by the next load. '
'abandoned: a later run took its place.';
COMMENT ON COLUMN ops.runs.epoch IS
'The content of staging.epoch when the run began; another one now means a crash in between.';
COMMENT ON COLUMN ops.runs.as_of IS
'The clock of amoCRM when the load began: what it reads is complete up to here.';
COMMENT ON COLUMN ops.runs.transformed_by IS
'The transform that took all pages of this load; NULL while they still wait in staging.';
COMMENT ON COLUMN ops.runs.refreshed_by IS
'Of a load or transform: the refresh that it was a part of; NULL: it ran by itself.';

CREATE TABLE IF NOT EXISTS ops.streams (
    name text CONSTRAINT streams_pkey PRIMARY KEY,
    entity text NOT NULL,
    entity_type text,
    path text NOT NULL,
    embedded_key text,
    id_key text NOT NULL,
    has_numeric_id boolean NOT NULL,
    is_keyed_by_parent boolean NOT NULL DEFAULT FALSE,
    vanishing_events text[],
    vanishing_id jsonpath,
    position integer NOT NULL
);
COMMENT ON TABLE ops.streams IS
'The streams as loader/streams.py declares them; written by bin/load, read by the transforms.';
COMMENT ON COLUMN ops.streams.name IS 'As --stream takes it.';
COMMENT ON COLUMN ops.streams.path IS 'Below /api/v4/.';
COMMENT ON COLUMN ops.streams.id_key IS 'Key of an item that holds its id.';
COMMENT ON COLUMN ops.streams.has_numeric_id IS 'Its ids are numbers.';
COMMENT ON COLUMN ops.streams.position IS 'Order in which streams are read.';
COMMENT ON COLUMN ops.streams.entity IS 'What one item is: leads, notes, tags, custom_fields …';
COMMENT ON COLUMN ops.streams.entity_type IS
'The entity type that notes, tags and fields belong to: leads, contacts, companies …';
COMMENT ON COLUMN ops.streams.embedded_key IS
'Key below _embedded that holds the list; NULL when the whole body is one item.';
COMMENT ON COLUMN ops.streams.is_keyed_by_parent IS
'Its ids are its own within one list only: documents are kept as parent/id.';
COMMENT ON COLUMN ops.streams.vanishing_events IS
'Types of the events that tell of its deletion, of its return, or of a merge.';
COMMENT ON COLUMN ops.streams.vanishing_id IS 'Where its id stands in such an event.';

CREATE TABLE IF NOT EXISTS ops.run_streams (
    run_id bigint NOT NULL CONSTRAINT run_streams_run_id_fkey
    REFERENCES ops.runs (id) ON DELETE CASCADE,
    stream text NOT NULL,
    status text NOT NULL CONSTRAINT run_streams_status
    CHECK (status IN ('complete', 'skipped', 'failed')),
    message text,
    seconds double precision NOT NULL,
    is_whole boolean NOT NULL DEFAULT FALSE,
    watermark timestamptz,
    watermark_before timestamptz,
    finished_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT run_streams_pkey PRIMARY KEY (run_id, stream)
);
COMMENT ON TABLE ops.run_streams IS
'How each stream of a load ended; a stream without a row is not finished.';
COMMENT ON COLUMN ops.run_streams.run_id IS 'Of ops.runs.';
COMMENT ON COLUMN ops.run_streams.stream IS 'A name of ops.streams.';
COMMENT ON COLUMN ops.run_streams.message IS 'Why it failed or was skipped.';
COMMENT ON COLUMN ops.run_streams.seconds IS 'From its first page to its end.';
COMMENT ON COLUMN ops.run_streams.finished_at IS 'When the stream ended.';
COMMENT ON COLUMN ops.run_streams.status IS
'skipped: the account has no right to it or has switched it off; message says which.';
COMMENT ON COLUMN ops.run_streams.is_whole IS
'All of it was read, so that what did not come is missing; else only what had changed.';
COMMENT ON COLUMN ops.run_streams.watermark IS
'Where this load moved the watermark of the stream to; NULL where it left it alone.';
COMMENT ON COLUMN ops.run_streams.watermark_before IS
'Where it moved it from, for the day when its pages are lost; NULL: there was none.';

CREATE TABLE IF NOT EXISTS ops.counters (
    run_id bigint NOT NULL CONSTRAINT counters_run_id_fkey
    REFERENCES ops.runs (id) ON DELETE CASCADE,
    stream text NOT NULL,
    counter text NOT NULL,
    value bigint NOT NULL,
    CONSTRAINT counters_pkey PRIMARY KEY (run_id, stream, counter)
);
COMMENT ON TABLE ops.counters IS
'Rows of one transform by stream: staged = inserted + updated + unchanged + superseded + rejected.';
COMMENT ON COLUMN ops.counters.run_id IS 'Of ops.runs.';
COMMENT ON COLUMN ops.counters.stream IS 'A name of ops.streams.';
COMMENT ON COLUMN ops.counters.counter IS 'Which number it is.';
COMMENT ON COLUMN ops.counters.value IS 'How many.';
