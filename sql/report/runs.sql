-- Purpose: the last runs, the oldest first; a run is a refresh, or loads and their transform.
-- Reads:   ops.runs, ops.pages, ops.run_metrics, ops.run_requests, ops.counters, ops.transforms,
--          ops.rejects, ops.tuning_journal
-- By hand: SET amo.report_run = 17 and SET amo.report_last = 30 say up to which run, and how many.

WITH wanted AS (
    SELECT nullif(current_setting('amo.report_run', TRUE), '')::bigint AS run_id
),

part AS (
    SELECT
        run.id,
        run.kind,
        run.mode,
        run.status,
        run.started_at,
        coalesce(run.refreshed_by, taker.refreshed_by, run.transformed_by, run.id) AS whole_id,
        run.finished_at,
        extract(
            EPOCH FROM run.finished_at - coalesce(run.resumed_at, run.started_at)
        )::double precision AS seconds
    FROM ops.runs AS run
    LEFT JOIN ops.runs AS taker
        ON run.transformed_by = taker.id
),

whole AS (
    SELECT
        part.whole_id AS id,
        min(part.started_at) AS started_at,
        CASE WHEN bool_and(part.finished_at IS NOT NULL) THEN max(part.finished_at) END
            AS finished_at,
        max(part.id) FILTER (WHERE part.kind = 'refresh') AS refresh_id,
        coalesce(array_agg(part.id ORDER BY part.id) FILTER (WHERE part.kind = 'load'), '{}')
            AS load_ids,
        coalesce(array_agg(part.id ORDER BY part.id) FILTER (WHERE part.kind = 'transform'), '{}')
            AS transform_ids,
        array_agg(part.id ORDER BY part.id) AS part_ids,
        -- A refresh speaks for its parts; without one, the last part that did not end well.
        (
            array_agg(
                part.status
                ORDER BY
                    part.kind = 'refresh' DESC,
                    part.status = 'running' DESC,
                    part.status = 'ok' ASC,
                    part.id DESC
            )
        )[1] AS status,
        string_agg(DISTINCT part.mode, ' + ') FILTER (WHERE part.kind <> 'transform')
            AS mode,
        sum(part.seconds) FILTER (WHERE part.kind = 'load') AS load_seconds,
        sum(part.seconds) FILTER (WHERE part.kind = 'transform') AS transform_seconds,
        sum(part.seconds) FILTER (WHERE part.kind = 'refresh') AS refresh_seconds
    FROM part
    GROUP BY part.whole_id
),

shown AS (
    SELECT whole.*
    FROM whole
    CROSS JOIN wanted
    WHERE
        wanted.run_id IS NULL
        OR (whole.started_at, whole.id) <= (
            SELECT
                focus.started_at,
                focus.id
            FROM whole AS focus
            WHERE wanted.run_id = any(focus.part_ids)
        )
    ORDER BY whole.started_at DESC, whole.id DESC
    LIMIT coalesce(nullif(current_setting('amo.report_last', TRUE), '')::integer, 30)
)

SELECT
    shown.*,
    coalesce(
        shown.refresh_seconds,
        shown.load_seconds + shown.transform_seconds,
        shown.load_seconds,
        shown.transform_seconds
    ) AS seconds,
    coalesce(page.rows, counter.staged) AS rows_read,
    counter.inserted,
    counter.updated,
    coalesce(file.deleted, 0) AS deleted,
    counter.inserted + counter.updated + coalesce(file.deleted, 0) AS changed,
    reject.rejected,
    metric.requests,
    metric.rate,
    metric.rate_limit,
    metric.rate / metric.rate_limit AS rate_share,
    answer.refused AS answers_429,
    file.wal_bytes,
    exists(
        SELECT
        FROM ops.tuning_journal AS journal
        WHERE
            journal.created_at <= coalesce(shown.finished_at, now())
            AND coalesce(journal.closed_at, now()) >= shown.started_at
            AND journal.outcome IS DISTINCT FROM 'never_applied'
    ) AS is_tuned
FROM shown
CROSS JOIN
    LATERAL (
        SELECT sum(page.rows)::bigint AS rows
        FROM ops.pages AS page
        WHERE page.run_id = any(shown.load_ids) AND page.status <> 'empty'
    ) AS page
CROSS JOIN
    LATERAL (
        SELECT
            sum(counter.value) FILTER (WHERE counter.counter = 'staged')::bigint AS staged,
            coalesce(sum(counter.value) FILTER (WHERE counter.counter = 'inserted'), 0)::bigint
                AS inserted,
            coalesce(sum(counter.value) FILTER (WHERE counter.counter = 'updated'), 0)::bigint
                AS updated
        FROM ops.counters AS counter
        WHERE counter.run_id = any(shown.transform_ids)
    ) AS counter
CROSS JOIN
    LATERAL (
        SELECT
            sum(file.wal_bytes)::bigint AS wal_bytes,
            sum(file.updated) FILTER (WHERE file.name LIKE '%/documents_deleted')::bigint AS deleted
        FROM ops.transforms AS file
        WHERE file.run_id = any(shown.transform_ids)
    ) AS file
CROSS JOIN
    LATERAL (
        SELECT count(*) AS rejected
        FROM ops.rejects AS reject
        WHERE reject.run_id = any(shown.part_ids)
    ) AS reject
CROSS JOIN
    LATERAL (
        SELECT
            sum(metric.requests)::bigint AS requests,
            sum(metric.rate * metric.request_seconds)
            / nullif(sum(metric.request_seconds), 0) AS rate,
            CASE WHEN bool_and(metric.rate_limit IS NOT NULL) THEN max(metric.rate_limit) END
                AS rate_limit
        FROM ops.run_metrics AS metric
        WHERE metric.run_id = any(shown.load_ids)
    ) AS metric
CROSS JOIN
    LATERAL (
        SELECT coalesce(sum(answer.requests), 0)::bigint AS refused
        FROM ops.run_requests AS answer
        WHERE answer.run_id = any(shown.load_ids) AND answer.status = '429'
    ) AS answer
ORDER BY shown.started_at, shown.id;
