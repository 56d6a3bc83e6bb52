-- Purpose: no entity disappears: staged = inserted + updated + unchanged + superseded + rejected.
-- Reads:   ops.counters
-- A row is a finding: a stream whose equation does not hold.

SELECT
    tally.stream,
    tally.staged,
    tally.accounted
FROM (
    SELECT
        counters.stream,
        sum(counters.value) FILTER (WHERE counters.counter = 'staged') AS staged,
        sum(counters.value) FILTER (WHERE counters.counter <> 'staged') AS accounted
    FROM ops.counters AS counters
    WHERE counters.run_id = ops.transform_run()
    GROUP BY counters.stream
) AS tally
WHERE tally.staged IS DISTINCT FROM tally.accounted;
