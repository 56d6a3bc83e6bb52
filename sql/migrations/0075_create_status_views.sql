-- Purpose: how fresh each stream is, and what is known of it.
-- Writes:  ops.v_stream_details, ops.v_status
-- Re-run:  safe; the views are replaced by the same text.

CREATE OR REPLACE VIEW ops.v_stream_details AS
WITH account AS (
    SELECT DISTINCT run.account_id
    FROM ops.runs AS run
    WHERE run.account_id IS NOT NULL
),

-- The load that reads everything: a later one of single streams does not make the others old.
whole AS (
    SELECT
        account.account_id,
        largest.streams
    FROM account
    CROSS JOIN LATERAL (
        SELECT run.streams
        FROM ops.runs AS run
        WHERE
            run.kind = 'load'
            AND run.mode = 'full'
            AND run.account_id = account.account_id
            AND run.started_at > (
                SELECT max(newest.started_at) - interval '30 days'
                FROM ops.runs AS newest
                WHERE
                    newest.kind = 'load'
                    AND newest.mode = 'full'
                    AND newest.account_id = account.account_id
            )
        ORDER BY cardinality(run.streams) DESC, run.id DESC
        LIMIT 1
    ) AS largest
),

-- Of the index alone: the documents themselves are not read.
known AS (
    SELECT
        document.account_id,
        document.stream,
        count(*) AS entities
    FROM amo.documents AS document
    WHERE document.deleted_at IS NULL
    GROUP BY document.account_id, document.stream
),

rejected AS (
    SELECT
        reject.stream,
        count(*) AS rejects
    FROM ops.rejects AS reject
    GROUP BY reject.stream
)

SELECT
    account.account_id,
    stream.name AS stream,
    CASE
        WHEN attempt.run_id IS NULL THEN 'never'
        WHEN ended.status IS NOT NULL THEN ended.status
        WHEN attempt.status = 'running' AND NOT coalesce(alive.is_alive, FALSE) THEN 'dead'
        WHEN attempt.status IN ('ok', 'partial') THEN 'in part'
        ELSE attempt.status
    END AS status,
    coalesce(ended.message, CASE WHEN ended.status IS NULL THEN attempt.message END) AS message,
    attempt.run_id,
    attempt.mode,
    coalesce(stream.name = any(whole.streams), FALSE) AS is_expected,
    success.finished_at AS last_success,
    success.status AS last_success_status,
    now() - success.finished_at AS age,
    coalesce(ended.finished_at, attempt.finished_at, attempt.started_at) AS last_attempt,
    coalesce(known.entities, 0) AS entities,
    coalesce(page.entities, 0) AS entities_read,
    coalesce(page.pages, 0) AS pages,
    asked.requests,
    change.inserted,
    change.updated,
    change.deleted,
    coalesce(rejected.rejects, 0) AS rejects,
    mark.watermark,
    metrics.rate,
    metrics.rate_limit,
    metrics.rate_share,
    stream.position
FROM account
CROSS JOIN ops.streams AS stream
LEFT JOIN whole
    ON account.account_id = whole.account_id
LEFT JOIN
    LATERAL (
        SELECT
            run.id AS run_id,
            run.mode,
            run.status,
            run.message,
            run.started_at,
            run.finished_at
        FROM ops.runs AS run
        WHERE
            run.kind = 'load'
            AND run.mode <> 'companies'
            AND run.account_id = account.account_id
            AND stream.name = any(run.streams)
        ORDER BY run.id DESC
        LIMIT 1
    ) AS attempt
    ON TRUE
LEFT JOIN ops.run_streams AS ended
    ON attempt.run_id = ended.run_id AND stream.name = ended.stream
LEFT JOIN ops.v_running AS alive
    ON attempt.run_id = alive.run_id
LEFT JOIN
    LATERAL (
        SELECT
            done.status,
            done.finished_at
        FROM ops.run_streams AS done
        INNER JOIN ops.runs AS run
            ON done.run_id = run.id
        WHERE
            done.stream = stream.name
            AND done.status IN ('complete', 'skipped')
            AND run.mode <> 'companies'
            AND run.account_id = account.account_id
        ORDER BY run.id DESC
        LIMIT 1
    ) AS success
    ON TRUE
LEFT JOIN
    LATERAL (
        SELECT
            count(*) AS pages,
            sum(staged.rows)::bigint AS entities
        FROM ops.pages AS staged
        WHERE
            staged.run_id = attempt.run_id
            AND staged.stream = stream.name
            AND staged.status = 'staged'
    ) AS page
    ON TRUE
LEFT JOIN
    LATERAL (
        SELECT sum(request.requests)::bigint AS requests
        FROM ops.run_requests AS request
        WHERE request.run_id = attempt.run_id AND request.stream = stream.name
    ) AS asked
    ON TRUE
LEFT JOIN
    LATERAL (
        SELECT
            max(counter.value) FILTER (WHERE counter.counter = 'inserted') AS inserted,
            max(counter.value) FILTER (WHERE counter.counter = 'updated') AS updated,
            (
                SELECT count(*)
                FROM ops.deletions AS deletion
                INNER JOIN ops.runs AS taken
                    ON deletion.run_id = taken.id
                WHERE
                    taken.transformed_by = transformed.id
                    AND taken.account_id = account.account_id
                    AND deletion.stream = stream.name
            ) AS deleted
        FROM (
            SELECT run.id
            FROM ops.runs AS run
            WHERE
                run.kind = 'transform'
                AND run.status = 'ok'
                AND EXISTS (
                    SELECT FROM ops.counters AS counted
                    WHERE counted.run_id = run.id AND counted.stream = stream.name
                )
            ORDER BY run.id DESC
            LIMIT 1
        ) AS transformed
        INNER JOIN ops.counters AS counter
            ON transformed.id = counter.run_id AND stream.name = counter.stream
        GROUP BY transformed.id
    ) AS change
    ON TRUE
LEFT JOIN known
    ON account.account_id = known.account_id AND stream.name = known.stream
LEFT JOIN rejected
    ON stream.name = rejected.stream
LEFT JOIN ops.watermarks AS mark
    ON account.account_id = mark.account_id AND stream.name = mark.stream
LEFT JOIN ops.run_metrics AS metrics
    ON attempt.run_id = metrics.run_id
WHERE attempt.run_id IS NOT NULL OR stream.name = any(whole.streams);

COMMENT ON VIEW ops.v_stream_details IS
'One row per account and stream that was ever read, with all that is known of it. Loads of '
'chosen companies do not count. ops.v_status is the short form.';
COMMENT ON COLUMN ops.v_stream_details.status IS
'How it ended in the last load that was to read it: complete, skipped (the account has no right '
'to it or has switched it off), failed; running; dead, the load was killed; else how that load '
'ended before it was done with the stream.';
COMMENT ON COLUMN ops.v_stream_details.run_id IS 'The last load that was to read it.';
COMMENT ON COLUMN ops.v_stream_details.is_expected IS
'It belongs to the load that reads everything: the full load with the most streams of the last '
'30 days. bin/status --max-age is about these.';
COMMENT ON COLUMN ops.v_stream_details.last_success IS
'When a load was last done with it, complete or skipped.';
COMMENT ON COLUMN ops.v_stream_details.last_success_status IS 'Which of the two it was.';
COMMENT ON COLUMN ops.v_stream_details.entities IS
'In amo.documents and not deleted; counted in its index.';
COMMENT ON COLUMN ops.v_stream_details.entities_read IS
'In the last load that was to read it, duplicates included.';
COMMENT ON COLUMN ops.v_stream_details.inserted IS
'By the last transform that had it, as are updated and deleted; of all accounts together.';
COMMENT ON COLUMN ops.v_stream_details.rejects IS
'Values in ops.rejects now; of all accounts together.';
COMMENT ON COLUMN ops.v_stream_details.rate IS
'Requests a second of that load as a whole; see ops.run_metrics.';

CREATE OR REPLACE VIEW ops.v_status AS
SELECT
    detail.account_id,
    detail.stream,
    detail.status,
    date_trunc('second', detail.age) AS age,
    detail.entities AS rows,
    detail.entities_read AS read,
    detail.inserted + detail.updated + detail.deleted AS changed,
    detail.rejects,
    detail.message
FROM ops.v_stream_details AS detail
ORDER BY detail.account_id, detail.position;

COMMENT ON VIEW ops.v_status IS
'One row per account and stream, short enough for a terminal. Requests, speed, watermarks and '
'all else: ops.v_stream_details.';
COMMENT ON COLUMN ops.v_status.status IS
'In the last load: complete, skipped, failed, running, dead …; see ops.v_stream_details.';
COMMENT ON COLUMN ops.v_status.age IS 'Since a load was last done with it, complete or skipped.';
COMMENT ON COLUMN ops.v_status.rows IS 'Entities that are kept and not deleted.';
COMMENT ON COLUMN ops.v_status.read IS 'Entities on the pages of the last load.';
COMMENT ON COLUMN ops.v_status.changed IS
'Inserted, updated and deleted by the last transform that had it.';
