-- Purpose: which version of which SQL file produced the rows, and what it cost.
-- Writes:  ops.transforms, ops.transform_run()
-- Re-run:  safe; what exists is kept.

CREATE TABLE IF NOT EXISTS ops.transforms (
    run_id bigint NOT NULL CONSTRAINT transforms_run_id_fkey
    REFERENCES ops.runs (id) ON DELETE CASCADE,
    name text NOT NULL,
    version text NOT NULL,
    checksum text NOT NULL,
    started_at timestamptz NOT NULL,
    seconds double precision NOT NULL,
    rows_in bigint NOT NULL,
    inserted bigint NOT NULL,
    updated bigint NOT NULL,
    unchanged bigint NOT NULL,
    deleted bigint NOT NULL,
    rejected bigint NOT NULL,
    wal_bytes bigint NOT NULL,
    CONSTRAINT transforms_pkey PRIMARY KEY (run_id, name)
);
COMMENT ON TABLE ops.transforms IS 'One row per SQL file and transform run.';
COMMENT ON COLUMN ops.transforms.run_id IS 'Of ops.runs.';
COMMENT ON COLUMN ops.transforms.name IS 'File below sql/ without .sql.';
COMMENT ON COLUMN ops.transforms.checksum IS 'SHA-256 of the file.';
COMMENT ON COLUMN ops.transforms.started_at IS 'When the file began.';
COMMENT ON COLUMN ops.transforms.seconds IS 'How long it took.';
COMMENT ON COLUMN ops.transforms.updated IS 'As inserted.';
COMMENT ON COLUMN ops.transforms.deleted IS 'As inserted.';
COMMENT ON COLUMN ops.transforms.version IS 'Line "Version:" in the head of the file.';
COMMENT ON COLUMN ops.transforms.rows_in IS
'Step 1: entities staged. Step 2: documents on the work list. Step 3: typed rows to merge.';
COMMENT ON COLUMN ops.transforms.unchanged IS
'Rows in that were neither inserted nor updated; in step 1 with the superseded and rejected, '
'which ops.counters tells apart.';
COMMENT ON COLUMN ops.transforms.rejected IS 'Rows written to ops.rejects.';
COMMENT ON COLUMN ops.transforms.inserted IS 'Rows written in the schemas amo and mart.';
COMMENT ON COLUMN ops.transforms.wal_bytes IS
'WAL of the whole server while the file ran; exact when nothing else writes.';

CREATE OR REPLACE FUNCTION ops.transform_run()
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
DECLARE
    current_run bigint;
BEGIN
    SELECT max(runs.id) INTO current_run
    FROM ops.runs AS runs
    WHERE runs.kind = 'transform' AND runs.status = 'running';
    IF current_run IS NULL THEN
        INSERT INTO ops.runs (kind, mode) VALUES ('transform', 'by hand')
        RETURNING id INTO current_run;
    END IF;
    RETURN current_run;
END;
$$;
COMMENT ON FUNCTION ops.transform_run() IS
'The transform that is running; a new one when a file is run by hand with psql.';
