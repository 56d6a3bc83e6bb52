-- Purpose: a load by stream: what it read, where its time went, how it ended.
-- Writes:  ops.load_summary
-- Re-run:  safe; the view is replaced by the same text.

CREATE OR REPLACE VIEW ops.load_summary AS
SELECT
    coalesce(page.run_id, ended.run_id) AS run_id,
    coalesce(page.stream, ended.stream) AS stream,
    coalesce(ended.status, 'in part') AS status,
    coalesce(page.pages, 0) AS pages,
    coalesce(page.rows, 0) AS rows,
    coalesce(page.bytes, 0) AS bytes,
    coalesce(page.requests, 0) AS requests,
    coalesce(page.wait_ms, 0) / 1000 AS wait_seconds,
    coalesce(page.http_ms, 0) / 1000 AS http_seconds,
    coalesce(page.copy_ms, 0) / 1000 AS copy_seconds,
    ended.message,
    declared.position
FROM (
    SELECT
        ledger.run_id,
        ledger.stream,
        count(*) FILTER (WHERE ledger.status = 'staged') AS pages,
        sum(ledger.rows) FILTER (WHERE ledger.status = 'staged')::bigint AS rows,
        sum(ledger.bytes::bigint) FILTER (WHERE ledger.status = 'staged')::bigint AS bytes,
        sum(ledger.requests)::bigint AS requests,
        sum(ledger.wait_ms)::double precision AS wait_ms,
        sum(ledger.http_ms)::double precision AS http_ms,
        sum(ledger.copy_ms)::double precision AS copy_ms
    FROM ops.pages AS ledger
    GROUP BY ledger.run_id, ledger.stream
) AS page
FULL JOIN ops.run_streams AS ended
    ON page.run_id = ended.run_id AND page.stream = ended.stream
LEFT JOIN ops.streams AS declared
    ON coalesce(page.stream, ended.stream) = declared.name;

COMMENT ON VIEW ops.load_summary IS
'One row per load and stream, as bin/load -v prints it; wait, HTTP and COPY side by side.';
COMMENT ON COLUMN ops.load_summary.run_id IS 'Of ops.runs.';
COMMENT ON COLUMN ops.load_summary.stream IS 'A name of ops.streams.';
COMMENT ON COLUMN ops.load_summary.status IS 'As in ops.run_streams; in part: it is not finished.';
COMMENT ON COLUMN ops.load_summary.pages IS 'Pages that were staged.';
COMMENT ON COLUMN ops.load_summary.rows IS 'Entities on them.';
COMMENT ON COLUMN ops.load_summary.bytes IS 'Of their bodies.';
COMMENT ON COLUMN ops.load_summary.requests IS 'HTTP requests, retries included.';
COMMENT ON COLUMN ops.load_summary.wait_seconds IS 'Waiting for the rate limit.';
COMMENT ON COLUMN ops.load_summary.http_seconds IS 'From request to last byte.';
COMMENT ON COLUMN ops.load_summary.copy_seconds IS 'COPY, shape check and ledger row.';
COMMENT ON COLUMN ops.load_summary.message IS 'Why it failed or was skipped.';
COMMENT ON COLUMN ops.load_summary.position IS 'Order in which streams are read.';
