-- Purpose: requests per second over the loads of one run, in at most 120 steps of equal width.
-- Reads:   ops.pages
-- By hand: SET amo.report_loads = '{17}' says which.

-- By the clock of amoCRM, which is not that of the database: each from its own beginning.
WITH page AS (
    SELECT
        ledger.requests,
        (ledger.wait_ms + ledger.http_ms) / 1000 AS spent,
        extract(
            EPOCH FROM coalesce(
                ledger.answered_at - min(ledger.answered_at) OVER (),
                ledger.committed_at - min(ledger.committed_at) OVER ()
            )
        ) AS answered
    FROM ops.pages AS ledger
    WHERE ledger.run_id = any(current_setting('amo.report_loads')::bigint[])
),

-- A page that took several requests took them one after the other.
request AS (
    SELECT
        greatest(page.answered - page.spent * (page.requests - number.one) / page.requests, 0)
            AS second
    FROM page
    CROSS JOIN LATERAL generate_series(1, page.requests) AS number (one)
),

-- Below two seconds a bar shows how answers bunch, not the pace.
step AS (
    SELECT
        min(width.seconds) AS seconds,
        floor(span.seconds / min(width.seconds))::integer AS last
    FROM (SELECT max(request.second) AS seconds FROM request) AS span
    CROSS JOIN (
        VALUES (2), (5), (10), (15), (30), (60), (120), (300), (600), (1800), (3600), (86400)
    ) AS width (seconds)
    WHERE width.seconds >= span.seconds / 120 OR width.seconds = 86400
    GROUP BY span.seconds
)

SELECT
    step.seconds * bar.number AS from_second,
    step.seconds * (bar.number + 1) AS to_second,
    count(request.second)::double precision / step.seconds AS rate
FROM step
CROSS JOIN LATERAL generate_series(0, step.last) AS bar (number)
LEFT JOIN request
    ON floor(request.second / step.seconds) = bar.number
GROUP BY step.seconds, bar.number
ORDER BY bar.number;
