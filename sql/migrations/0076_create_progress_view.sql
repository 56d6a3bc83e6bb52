-- Purpose: what runs now, how far it is, when it may be done.
-- Writes:  ops.v_progress
-- Re-run:  safe; the view is replaced by the same text.

CREATE OR REPLACE VIEW ops.v_progress AS
WITH running AS (
    SELECT
        run.*,
        clock_timestamp() - run.since AS elapsed
    FROM ops.v_running AS run
),

stream AS (
    SELECT
        run.run_id,
        run.is_alive,
        named.stream,
        named.position,
        coalesce(
            ended.status, CASE WHEN page.pages > 0 THEN 'reading' ELSE 'waiting' END
        ) AS state,
        page.pages,
        page.entities,
        before.pages AS pages_before,
        CASE
            WHEN ended.status IS NOT NULL THEN 0
            WHEN before.pages IS NOT NULL THEN greatest(before.pages - page.pages, 0)
        END AS pages_left,
        page.recent / greatest(
            least(extract(EPOCH FROM run.elapsed)::double precision, 60), 1
        ) AS rate
    FROM running AS run
    INNER JOIN ops.runs AS ledger
        ON run.run_id = ledger.id
    CROSS JOIN LATERAL unnest(ledger.streams) WITH ORDINALITY AS named (stream, position)
    LEFT JOIN ops.run_streams AS ended
        ON run.run_id = ended.run_id AND named.stream = ended.stream
    CROSS JOIN
        LATERAL (
            SELECT
                count(*) AS pages,
                coalesce(sum(staged.rows), 0)::bigint AS entities,
                count(*) FILTER (
                    WHERE staged.committed_at > clock_timestamp() - interval '60 seconds'
                ) AS recent
            FROM ops.pages AS staged
            WHERE
                staged.run_id = run.run_id
                AND staged.stream = named.stream
                AND staged.status = 'staged'
        ) AS page
    LEFT JOIN
        LATERAL (
            SELECT earlier.id
            FROM ops.runs AS earlier
            INNER JOIN ops.run_streams AS done
                ON earlier.id = done.run_id
            WHERE
                earlier.kind = 'load'
                AND earlier.id < run.run_id
                AND earlier.mode = run.mode
                AND earlier.account_id = run.account_id
                AND earlier.companies IS NOT DISTINCT FROM ledger.companies
                AND done.stream = named.stream
                AND done.status IN ('complete', 'skipped')
            ORDER BY earlier.id DESC
            LIMIT 1
        ) AS last_time
        ON TRUE
    LEFT JOIN
        LATERAL (
            -- The ledger of old loads is deleted: without it nothing is known.
            SELECT
                CASE
                    WHEN
                        EXISTS (
                            SELECT FROM ops.pages AS kept
                            WHERE kept.run_id = last_time.id
                        )
                        THEN count(*)
                END AS pages
            FROM ops.pages AS staged
            WHERE
                staged.run_id = last_time.id
                AND staged.stream = named.stream
                AND staged.status = 'staged'
        ) AS before
        ON TRUE
    WHERE run.kind = 'load'
),

load AS (
    SELECT
        stream.run_id,
        sum(stream.pages)::bigint AS pages,
        sum(stream.entities)::bigint AS entities,
        -- Streams that have grown, or that are new, are more than they were.
        CASE
            WHEN count(stream.pages_before) > 0
                THEN sum(greatest(stream.pages_before, stream.pages))::bigint
        END AS pages_before,
        CASE WHEN bool_and(stream.pages_left IS NOT NULL) THEN sum(stream.pages_left) END
            AS pages_left,
        sum(stream.rate) AS rate
    FROM stream
    GROUP BY stream.run_id
),

last_transform AS (
    SELECT
        file.name,
        file.seconds,
        row_number() OVER (ORDER BY file.started_at, file.name) AS position
    FROM ops.transforms AS file
    WHERE file.run_id = (
        SELECT max(run.id) FROM ops.runs AS run
        WHERE run.kind = 'transform' AND run.mode = 'transform' AND run.status = 'ok'
    )
),

transform AS (
    SELECT
        run.run_id,
        count(*) FILTER (WHERE file.position < here.position) AS files,
        count(*) AS files_before,
        sum(file.seconds) FILTER (WHERE file.position >= here.position) AS seconds_left
    FROM running AS run
    CROSS JOIN last_transform AS file
    LEFT JOIN last_transform AS here
        ON here.name = 'transforms/' || run.doing
    WHERE run.kind = 'transform'
    GROUP BY run.run_id
),

last_refresh AS (
    SELECT run.finished_at - run.started_at AS took
    FROM ops.runs AS run
    WHERE run.kind = 'refresh' AND run.status = 'ok'
    ORDER BY run.id DESC
    LIMIT 1
)

SELECT
    step.run_id,
    step.kind,
    step.what,
    step.state,
    step.done,
    step.known,
    step.rows,
    round(step.rate::numeric, 1) AS rate,
    date_trunc('second', step.elapsed) AS elapsed,
    date_trunc('second', step.eta) AS eta,
    step.copying
FROM (
    SELECT
        run.run_id,
        run.kind,
        run.doing AS what,
        CASE WHEN run.is_alive THEN 'running' ELSE 'dead' END AS state,
        coalesce(load.pages, transform.files) AS done,
        coalesce(load.pages_before, transform.files_before) AS known,
        load.entities AS rows,
        CASE WHEN run.is_alive THEN load.rate END AS rate,
        run.elapsed,
        CASE
            WHEN NOT run.is_alive THEN NULL
            WHEN run.kind = 'load'
                THEN make_interval(secs => load.pages_left / nullif(load.rate, 0))
            WHEN run.kind = 'transform' THEN make_interval(secs => transform.seconds_left)
            WHEN last_refresh.took IS NOT NULL
                THEN greatest(
                    last_refresh.took - run.elapsed,
                    make_interval(secs => part.pages_left / nullif(part.rate, 0)),
                    interval '0'
                )
        END AS eta,
        CASE
            WHEN run.kind = 'load' AND run.is_alive
                THEN (
                    SELECT count(*)
                    FROM pg_stat_progress_copy AS copy
                    INNER JOIN pg_stat_activity AS activity
                        ON copy.pid = activity.pid
                    WHERE
                        copy.datname = current_database()
                        AND activity.application_name LIKE 'amo-load:' || run.run_id || '/%'
                )
        END AS copying,
        0 AS position
    FROM running AS run
    LEFT JOIN load
        ON run.run_id = load.run_id
    LEFT JOIN transform
        ON run.run_id = transform.run_id
    LEFT JOIN last_refresh
        ON TRUE
    LEFT JOIN running AS child
        ON
            run.run_id = child.refreshed_by
            AND child.kind = 'load'
            AND child.is_alive
    LEFT JOIN load AS part
        ON child.run_id = part.run_id
    UNION ALL
    SELECT
        stream.run_id,
        'stream' AS kind,
        stream.stream AS what,
        stream.state,
        stream.pages AS done,
        stream.pages_before AS known,
        stream.entities AS rows,
        stream.rate,
        NULL AS elapsed,
        CASE
            WHEN stream.state IN ('waiting', 'reading')
                THEN make_interval(secs => stream.pages_left / nullif(stream.rate, 0))
        END AS eta,
        NULL AS copying,
        stream.position
    FROM stream
    WHERE stream.is_alive
) AS step
ORDER BY step.run_id, step.position;

COMMENT ON VIEW ops.v_progress IS
'Each refresh, load and transform that has not ended, and below a load that is alive its streams.';
COMMENT ON COLUMN ops.v_progress.what IS
'The stream; of a transform the SQL file that it is at; of a refresh the run that it is at.';
COMMENT ON COLUMN ops.v_progress.state IS
'Of a run: running, or dead: its process is gone. Of a stream: waiting, reading, or how it ended.';
COMMENT ON COLUMN ops.v_progress.done IS
'Pages so far; of a transform files, by their order in the last one.';
COMMENT ON COLUMN ops.v_progress.known IS
'Pages of the last complete load of the same kind; files of the last transform.';
COMMENT ON COLUMN ops.v_progress.rows IS 'Entities on the pages so far.';
COMMENT ON COLUMN ops.v_progress.rate IS 'Pages a second in the last minute.';
COMMENT ON COLUMN ops.v_progress.eta IS
'Time left: pages that are missing by the rate of the last minute; of a transform what the '
'files took last time; of a refresh what it took last time, or its load, when that is more. NULL: '
'nothing to go by.';
COMMENT ON COLUMN ops.v_progress.copying IS 'COPYs under way at this moment.';
