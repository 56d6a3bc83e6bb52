-- Purpose: the loads of one run by stream: when, how much, where the time went, how it ended.
-- Reads:   ops.pages, ops.run_streams, ops.run_requests, ops.streams
-- By hand: SET amo.report_loads = '{17}' says which; SET amo.report_samples = 0 leaves messages out,
--          which may quote an answer.

WITH page AS (
    SELECT
        ledger.*,
        -- The request left when its answer was committed, less the time it took.
        ledger.committed_at - make_interval(secs => ledger.http_ms / 1000) AS sent_at,
        min(ledger.committed_at - make_interval(secs => ledger.http_ms / 1000)) OVER ()
            AS origin
    FROM ops.pages AS ledger
    WHERE ledger.run_id = any(current_setting('amo.report_loads')::bigint[])
),

done AS (
    SELECT
        page.stream,
        extract(EPOCH FROM min(page.sent_at) - min(page.origin))::double precision AS from_second,
        extract(EPOCH FROM max(page.committed_at) - min(page.origin))::double precision
            AS to_second,
        count(*) FILTER (WHERE page.status = 'staged') AS pages,
        coalesce(sum(page.rows), 0)::bigint AS rows,
        coalesce(sum(page.bytes::bigint), 0)::bigint AS bytes,
        (sum(page.wait_ms) / 1000)::double precision AS wait_seconds,
        (sum(page.http_ms) / 1000)::double precision AS http_seconds,
        (sum(page.copy_ms) / 1000)::double precision AS copy_seconds
    FROM page
    GROUP BY page.stream
),

ended AS (
    SELECT DISTINCT ON (stream.stream)
        stream.stream,
        stream.status,
        stream.message
    FROM ops.run_streams AS stream
    WHERE stream.run_id = any(current_setting('amo.report_loads')::bigint[])
    ORDER BY stream.stream ASC, stream.run_id DESC
),

asked AS (
    SELECT
        request.stream,
        sum(request.requests)::bigint AS requests,
        sum(request.retries)::bigint AS retries,
        coalesce(sum(request.requests) FILTER (WHERE request.status = '429'), 0)::bigint
            AS answers_429
    FROM ops.run_requests AS request
    WHERE request.run_id = any(current_setting('amo.report_loads')::bigint[])
    GROUP BY request.stream
),

name AS (
    SELECT done.stream FROM done
    UNION DISTINCT
    SELECT ended.stream FROM ended
)

SELECT
    name.stream,
    coalesce(ended.status, 'in part') AS status,
    CASE
        WHEN current_setting('amo.report_samples')::integer > 0 OR ended.message IS NULL
            THEN ended.message
        ELSE 'the message is left out'
    END AS message,
    done.from_second,
    done.to_second,
    coalesce(done.pages, 0) AS pages,
    coalesce(done.rows, 0) AS rows,
    coalesce(done.bytes, 0) AS bytes,
    coalesce(done.wait_seconds, 0) AS wait_seconds,
    coalesce(done.http_seconds, 0) AS http_seconds,
    coalesce(done.copy_seconds, 0) AS copy_seconds,
    coalesce(asked.requests, 0) AS requests,
    coalesce(asked.retries, 0) AS retries,
    coalesce(asked.answers_429, 0) AS answers_429
FROM name
LEFT JOIN done ON name.stream = done.stream
LEFT JOIN ended ON name.stream = ended.stream
LEFT JOIN asked ON name.stream = asked.stream
LEFT JOIN ops.streams AS declared ON name.stream = declared.name
ORDER BY declared.position, name.stream;
