-- Purpose: keep what could not be typed, with its raw value and the reason.
-- Writes:  ops.rejects
-- Re-run:  safe; what exists is kept.

CREATE TABLE IF NOT EXISTS ops.rejects (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT rejects_pkey PRIMARY KEY,
    run_id bigint NOT NULL CONSTRAINT rejects_run_id_fkey
    REFERENCES ops.runs (id) ON DELETE CASCADE,
    stream text NOT NULL,
    entity_id text,
    path text NOT NULL,
    value text,
    reason text NOT NULL,
    raw text,
    file text DEFAULT nullif(current_setting('amo.file', TRUE), ''),
    rejected_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE ops.rejects IS
'A reject costs one value, never the row: the row is kept without it, the value stands here.';
COMMENT ON COLUMN ops.rejects.id IS 'Grows with time.';
COMMENT ON COLUMN ops.rejects.stream IS 'A name of ops.streams.';
COMMENT ON COLUMN ops.rejects.entity_id IS 'Id of the entity, as text.';
COMMENT ON COLUMN ops.rejects.reason IS 'Why it was not taken.';
COMMENT ON COLUMN ops.rejects.rejected_at IS 'When it was noted.';
COMMENT ON COLUMN ops.rejects.run_id IS
'The load, or the last transform that went through the document: it notes all of it anew.';
COMMENT ON COLUMN ops.rejects.path IS 'Where it stood in the document, for example price.';
COMMENT ON COLUMN ops.rejects.value IS 'The value as text.';
COMMENT ON COLUMN ops.rejects.raw IS 'The JSON as it came, escapes included.';
COMMENT ON COLUMN ops.rejects.file IS
'The SQL file that wrote it, as bin/transform says; NULL: a load, or a file run by hand. When the '
'file goes through all documents again, its rejects are written again.';

CREATE INDEX IF NOT EXISTS rejects_run_id_stream ON ops.rejects (run_id, stream);
