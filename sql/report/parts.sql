-- Purpose: the refresh, loads and transforms that one run consists of, and how each ended.
-- Reads:   ops.runs, ops.transforms, amo.accounts
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
    -- A transform is one transaction, whose now() is its beginning.
    CASE WHEN run.finished_at IS NOT NULL THEN greatest(run.finished_at, file.ended_at) END
        AS finished_at,
    CASE
        WHEN run.finished_at IS NOT NULL THEN
            extract(
                EPOCH FROM greatest(run.finished_at, file.ended_at)
                - coalesce(run.resumed_at, run.started_at)
            )::double precision
    END AS seconds,
    run.version,
    run.host,
    run.base_url,
    run.companies,
    run.account_id,
    account.name AS account
FROM ops.runs AS run
LEFT JOIN amo.accounts AS account
    ON run.account_id = account.id
LEFT JOIN (
    SELECT
        transform.run_id,
        max(transform.started_at + make_interval(secs => transform.seconds)) AS ended_at
    FROM ops.transforms AS transform
    GROUP BY transform.run_id
) AS file
    ON run.id = file.run_id
WHERE run.id = any(current_setting('amo.report_parts')::bigint[])
ORDER BY run.id;
