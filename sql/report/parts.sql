-- Purpose: the refresh, loads and transforms that one run consists of, and how each ended.
-- Reads:   ops.runs, amo.accounts
-- By hand: SET amo.report_parts = '{17,18}' says which; SET amo.report_samples = 0 leaves messages
--          out, which may quote what people typed.

SELECT
    run.id,
    run.kind,
    run.mode,
    run.status,
    run.exit_code,
    CASE
        WHEN current_setting('amo.report_samples')::integer > 0 OR run.message IS NULL
            THEN run.message
        ELSE 'the message is left out'
    END AS message,
    run.started_at,
    run.finished_at,
    extract(
        EPOCH FROM run.finished_at - coalesce(run.resumed_at, run.started_at)
    )::double precision AS seconds,
    run.version,
    run.host,
    run.base_url,
    run.companies,
    run.account_id,
    account.name AS account
FROM ops.runs AS run
LEFT JOIN amo.accounts AS account
    ON run.account_id = account.id
WHERE run.id = any(current_setting('amo.report_parts')::bigint[])
ORDER BY run.id;
