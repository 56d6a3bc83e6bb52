-- Purpose: how far each stream has been read, for loads of what changed since.
-- Writes:  ops.watermarks, ops.take_back_watermarks
-- Re-run:  safe; what exists is kept.

CREATE TABLE IF NOT EXISTS ops.watermarks (
    account_id bigint NOT NULL,
    stream text NOT NULL,
    watermark timestamptz NOT NULL,
    run_id bigint NOT NULL,
    moved_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT watermarks_pkey PRIMARY KEY (account_id, stream)
);
COMMENT ON TABLE ops.watermarks IS
'What changed in amoCRM up to this moment was loaded. Moved in the transaction that ends a '
'stream of a load, whose pages are all committed then; to the clock of amoCRM when that load '
'began. bin/load --mode incremental asks for what changed since, less ten minutes.';
COMMENT ON COLUMN ops.watermarks.account_id IS 'The account in amoCRM.';
COMMENT ON COLUMN ops.watermarks.stream IS 'A name of ops.streams.';
COMMENT ON COLUMN ops.watermarks.watermark IS 'All that changed before is here.';
COMMENT ON COLUMN ops.watermarks.moved_at IS 'When it was last moved.';
COMMENT ON COLUMN ops.watermarks.run_id IS 'The load that moved it last.';

CREATE OR REPLACE FUNCTION ops.take_back_watermarks(lost_runs bigint[])
RETURNS void
LANGUAGE sql
AS $$
    MERGE INTO ops.watermarks AS known
    USING (
        SELECT
            run.account_id,
            ended.stream,
            min(ended.watermark_before) AS watermark,
            bool_or(ended.watermark_before IS NULL) AS was_first
        FROM ops.run_streams AS ended
        INNER JOIN ops.runs AS run
            ON ended.run_id = run.id
        WHERE
            ended.run_id = any(lost_runs)
            AND ended.watermark IS NOT NULL
        GROUP BY run.account_id, ended.stream
    ) AS lost
        ON
            known.account_id = lost.account_id
            AND known.stream = lost.stream

    WHEN MATCHED AND lost.was_first THEN
        DELETE

    WHEN MATCHED AND known.watermark > lost.watermark THEN
        UPDATE SET
            watermark = lost.watermark,
            moved_at = now();
$$;
COMMENT ON FUNCTION ops.take_back_watermarks(bigint[]) IS
'Where the pages of loads were lost or given up before a transform took them, what they had '
'read is read again.';
