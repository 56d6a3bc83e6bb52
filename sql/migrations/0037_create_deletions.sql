-- Purpose: entities that amoCRM was asked for by id and did not have any more.
-- Writes:  ops.deletions
-- Re-run:  safe; what exists is kept.

CREATE TABLE IF NOT EXISTS ops.deletions (
    run_id bigint NOT NULL CONSTRAINT deletions_run_id_fkey
    REFERENCES ops.runs (id) ON DELETE CASCADE,
    stream text NOT NULL,
    entity_id text NOT NULL,
    confirmed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT deletions_pkey PRIMARY KEY (run_id, stream, entity_id)
);
COMMENT ON TABLE ops.deletions IS
'Missing from a complete load and, asked for by id, not there: the next transform marks them.';
COMMENT ON COLUMN ops.deletions.run_id IS 'Of ops.runs.';
COMMENT ON COLUMN ops.deletions.stream IS 'A name of ops.streams.';
COMMENT ON COLUMN ops.deletions.entity_id IS 'Id, as text.';
COMMENT ON COLUMN ops.deletions.confirmed_at IS 'When amoCRM was asked and did not have it.';
