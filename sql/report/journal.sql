-- Purpose: what bin/tune changed beyond its session since a time, alike changes in one row.
-- Reads:   ops.tuning_journal
-- By hand: SET amo.report_since = '2026-11-01' says since when.

SELECT
    journal.kind,
    journal.name,
    journal.prior_value,
    journal.applied_value,
    journal.state,
    journal.outcome,
    count(*) AS changes,
    count(DISTINCT journal.object) AS objects,
    min(journal.created_at) AS first_at,
    max(journal.closed_at) AS closed_at,
    max(journal.last_error) AS last_error
FROM ops.tuning_journal AS journal
WHERE
    journal.closed_at IS NULL
    OR journal.closed_at >= current_setting('amo.report_since')::timestamptz
GROUP BY
    journal.kind, journal.name, journal.prior_value, journal.applied_value, journal.state,
    journal.outcome
ORDER BY first_at, journal.kind, journal.name, journal.outcome;
