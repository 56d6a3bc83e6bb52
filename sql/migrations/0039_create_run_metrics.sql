-- Purpose: what a load cost: requests by status, statements, page commits, CPU and memory.
-- Writes:  ops.run_requests, ops.run_processes, ops.run_metrics
-- Re-run:  safe; what exists is kept, the view is replaced by the same text.

CREATE TABLE IF NOT EXISTS ops.run_requests (
    run_id bigint NOT NULL CONSTRAINT run_requests_run_id_fkey
    REFERENCES ops.runs (id) ON DELETE CASCADE,
    stream text NOT NULL,
    status text NOT NULL,
    requests bigint NOT NULL,
    retries bigint NOT NULL,
    CONSTRAINT run_requests_pkey PRIMARY KEY (run_id, stream, status)
);
COMMENT ON TABLE ops.run_requests IS
'HTTP requests of a load by stream and status, of all its processes together. Written whenever a '
'stream ends and at the end: what a kill -9 cuts off after that is missing.';
COMMENT ON COLUMN ops.run_requests.run_id IS 'Of ops.runs.';
COMMENT ON COLUMN ops.run_requests.stream IS
'A name of ops.streams, or oauth: requests for tokens.';
COMMENT ON COLUMN ops.run_requests.status IS
'HTTP status, or ''no answer'': no connection, no answer in time, or one that broke off.';
COMMENT ON COLUMN ops.run_requests.requests IS
'All that were sent, also those whose page was thrown away; ops.pages has only what was kept.';
COMMENT ON COLUMN ops.run_requests.retries IS
'Of them, those that repeated one that failed: after no answer, 429, 5xx or an old token. The '
'second look at an empty page is none.';

CREATE TABLE IF NOT EXISTS ops.run_processes (
    run_id bigint NOT NULL CONSTRAINT run_processes_run_id_fkey
    REFERENCES ops.runs (id) ON DELETE CASCADE,
    process integer NOT NULL,
    first_request_at timestamptz,
    last_request_at timestamptz,
    requests bigint NOT NULL,
    rate_limit double precision,
    statements bigint NOT NULL,
    transactions bigint NOT NULL,
    transaction_ms double precision NOT NULL,
    transaction_ms_p50 double precision,
    transaction_ms_p95 double precision,
    transaction_ms_max double precision,
    cpu_seconds double precision NOT NULL,
    peak_rss_bytes bigint NOT NULL,
    CONSTRAINT run_processes_pkey PRIMARY KEY (run_id, process)
);
COMMENT ON TABLE ops.run_processes IS
'One row per process of a load: a load that is continued has several. Written when the process '
'takes the load up, whenever a stream ends and at the end.';
COMMENT ON COLUMN ops.run_processes.run_id IS 'Of ops.runs.';
COMMENT ON COLUMN ops.run_processes.last_request_at IS 'When the last one left, by the same clock.';
COMMENT ON COLUMN ops.run_processes.requests IS 'That the process sent.';
COMMENT ON COLUMN ops.run_processes.transaction_ms_p50 IS
'Half of the page commits took no longer.';
COMMENT ON COLUMN ops.run_processes.transaction_ms_p95 IS '95 of 100 page commits took no longer.';
COMMENT ON COLUMN ops.run_processes.transaction_ms_max IS 'The slowest page commit.';
COMMENT ON COLUMN ops.run_processes.process IS '1, 2, … in the order of their start.';
COMMENT ON COLUMN ops.run_processes.first_request_at IS
'When the first request left, by the clock of the server of the database.';
COMMENT ON COLUMN ops.run_processes.rate_limit IS
'Requests a second that AMO_RATE allowed; NULL: no limit.';
COMMENT ON COLUMN ops.run_processes.statements IS
'Messages with SQL that the process sent until this row was last written, BEGIN, COMMIT and COPY '
'included; a migration file counts as one.';
COMMENT ON COLUMN ops.run_processes.transactions IS
'Page commits: transactions that copied a page into staging.pages.';
COMMENT ON COLUMN ops.run_processes.transaction_ms IS
'From BEGIN to the answer to COMMIT, all page commits together, milliseconds.';
COMMENT ON COLUMN ops.run_processes.cpu_seconds IS
'User and system time of the process from its start; not that of PostgreSQL.';
COMMENT ON COLUMN ops.run_processes.peak_rss_bytes IS
'Most memory of the process that was resident at any moment.';

CREATE OR REPLACE VIEW ops.run_metrics AS
SELECT
    summed.run_id,
    summed.processes,
    summed.first_request_at,
    summed.last_request_at,
    summed.request_seconds,
    summed.requests,
    retried.retries,
    summed.rate,
    summed.rate_limit,
    summed.rate / summed.rate_limit AS rate_share,
    summed.statements,
    summed.transactions,
    summed.transaction_ms,
    summed.transaction_ms_p50,
    summed.transaction_ms_p95,
    summed.transaction_ms_max,
    summed.cpu_seconds,
    summed.peak_rss_bytes
FROM (
    SELECT
        spent.run_id,
        count(*)::integer AS processes,
        min(spent.first_request_at) AS first_request_at,
        max(spent.last_request_at) AS last_request_at,
        sum(spent.seconds) AS request_seconds,
        sum(spent.requests)::bigint AS requests,
        sum(spent.requests - 1)::double precision / nullif(sum(spent.seconds), 0) AS rate,
        CASE WHEN bool_and(spent.rate_limit IS NOT NULL) THEN max(spent.rate_limit) END
            AS rate_limit,
        sum(spent.statements)::bigint AS statements,
        sum(spent.transactions)::bigint AS transactions,
        sum(spent.transaction_ms) AS transaction_ms,
        max(spent.transaction_ms_p50) AS transaction_ms_p50,
        max(spent.transaction_ms_p95) AS transaction_ms_p95,
        max(spent.transaction_ms_max) AS transaction_ms_max,
        sum(spent.cpu_seconds) AS cpu_seconds,
        max(spent.peak_rss_bytes) AS peak_rss_bytes
    FROM (
        SELECT
            process.*,
            extract(
                EPOCH FROM process.last_request_at - process.first_request_at
            )::double precision AS seconds
        FROM ops.run_processes AS process
    ) AS spent
    GROUP BY spent.run_id
) AS summed
LEFT JOIN (
    SELECT
        request.run_id,
        sum(request.retries)::bigint AS retries
    FROM ops.run_requests AS request
    GROUP BY request.run_id
) AS retried
    ON summed.run_id = retried.run_id;

COMMENT ON VIEW ops.run_metrics IS
'One row per load. Over the processes of a continued one requests, seconds, statements, '
'transactions and CPU are summed; of limits, quantiles and memory the largest is taken.';
COMMENT ON COLUMN ops.run_metrics.run_id IS 'Of ops.runs.';
COMMENT ON COLUMN ops.run_metrics.processes IS 'How many worked on it, one after the other.';
COMMENT ON COLUMN ops.run_metrics.first_request_at IS 'When the first request left.';
COMMENT ON COLUMN ops.run_metrics.last_request_at IS 'When the last one left.';
COMMENT ON COLUMN ops.run_metrics.requests IS 'HTTP requests of all of them.';
COMMENT ON COLUMN ops.run_metrics.retries IS 'Of them, those that repeated one that failed.';
COMMENT ON COLUMN ops.run_metrics.rate_limit IS
'Requests a second that were allowed; NULL: no limit.';
COMMENT ON COLUMN ops.run_metrics.statements IS 'Messages with SQL.';
COMMENT ON COLUMN ops.run_metrics.transactions IS 'Page commits.';
COMMENT ON COLUMN ops.run_metrics.transaction_ms IS 'All page commits together.';
COMMENT ON COLUMN ops.run_metrics.transaction_ms_p50 IS 'Half of the page commits took no longer.';
COMMENT ON COLUMN ops.run_metrics.transaction_ms_max IS 'The slowest page commit.';
COMMENT ON COLUMN ops.run_metrics.cpu_seconds IS 'Of the loader, not of PostgreSQL.';
COMMENT ON COLUMN ops.run_metrics.peak_rss_bytes IS 'Most memory of the loader.';
COMMENT ON COLUMN ops.run_metrics.request_seconds IS
'From the first to the last request of each process, without the time between processes.';
COMMENT ON COLUMN ops.run_metrics.rate IS
'Requests a second, counted as gaps: n requests have n - 1 gaps between them.';
COMMENT ON COLUMN ops.run_metrics.rate_share IS
'Rate reached as a share of the allowed one: 1 is all of it.';
COMMENT ON COLUMN ops.run_metrics.transaction_ms_p95 IS
'95 of 100 page commits took no longer; of several processes, in the slower one.';
