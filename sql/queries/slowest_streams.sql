-- Purpose: the slowest streams of the last load, and where their time went.
-- Reads:   ops.pages, ops.runs

SELECT
    page.stream,
    sum(page.rows) AS rows,
    sum(page.requests) AS requests,
    round((sum(page.wait_ms) / 1000)::numeric, 1) || ' s' AS rate_limit,
    round((sum(page.http_ms) / 1000)::numeric, 1) || ' s' AS http,
    round((sum(page.copy_ms) / 1000)::numeric, 1) || ' s' AS postgresql
FROM ops.pages AS page
WHERE
    page.run_id = (
        SELECT max(run.id) FROM ops.runs AS run
        WHERE run.kind = 'load'
    )
GROUP BY page.stream
ORDER BY sum(page.wait_ms + page.http_ms + page.copy_ms) DESC
LIMIT 5;
