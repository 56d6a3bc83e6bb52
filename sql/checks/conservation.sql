-- Purpose: no entity disappears: staged = inserted + updated + unchanged + superseded + rejected.
-- After:   1_explode
-- Reads:   ops.counters, amo.documents
-- A row is a finding: a stream whose equation does not hold, or where other documents were
-- written than counted.

SELECT
    tally.stream,
    tally.staged,
    tally.accounted,
    tally.changed,
    coalesce(written.living, 0) AS living,
    coalesce(written.documents, 0) AS written
FROM (
    SELECT
        counters.stream,
        sum(counters.value) FILTER (WHERE counters.counter = 'staged') AS staged,
        sum(counters.value) FILTER (WHERE counters.counter <> 'staged') AS accounted,
        sum(counters.value) FILTER (WHERE counters.counter IN ('inserted', 'updated')) AS changed
    FROM ops.counters AS counters
    WHERE counters.run_id = ops.transform_run()
    GROUP BY counters.stream
) AS tally
LEFT JOIN (
    SELECT
        document.stream,
        count(*) AS documents,
        count(*) FILTER (WHERE document.deleted_at IS NULL) AS living
    FROM amo.documents AS document
    WHERE document.changed_run = (SELECT ops.transform_run())
    GROUP BY document.stream
) AS written
    ON tally.stream = written.stream
WHERE
    tally.staged IS DISTINCT FROM tally.accounted
    -- One that was found gone may have been changed before, or not.
    OR tally.changed NOT BETWEEN coalesce(written.living, 0) AND coalesce(written.documents, 0);
