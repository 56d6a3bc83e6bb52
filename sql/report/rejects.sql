-- Purpose: what could not be typed, by reason, stream and path, the most frequent first, with samples.
-- Reads:   ops.rejects
-- By hand: SET amo.report_parts = '{17,18}' and SET amo.report_samples = 3 say of which run, and
--          how many samples.

-- PostgreSQL quotes the value in its reason, in the quotation marks of its language.
WITH noted AS (
    SELECT
        regexp_replace(reject.reason, '["«»„“「].*["«»“”」]', '"…"') AS reason,
        reject.stream,
        reject.path,
        coalesce(reject.raw, reject.value) AS value,
        count(*) FILTER (
            WHERE reject.run_id = any(current_setting('amo.report_parts')::bigint[])
        ) AS in_run,
        count(*) AS kept,
        max(reject.id) AS newest
    FROM ops.rejects AS reject
    GROUP BY 1, reject.stream, reject.path, 4
),

placed AS (
    SELECT
        noted.*,
        row_number() OVER (
            PARTITION BY noted.reason, noted.stream, noted.path
            ORDER BY noted.in_run DESC, noted.newest DESC
        ) AS place
    FROM noted
)

SELECT
    placed.reason,
    placed.stream,
    placed.path,
    sum(placed.in_run)::bigint AS in_run,
    sum(placed.kept)::bigint AS kept,
    count(*) OVER () AS groups,
    (sum(sum(placed.kept)) OVER ())::bigint AS all_kept,
    (sum(sum(placed.in_run)) OVER ())::bigint AS all_in_run,
    coalesce(
        jsonb_agg(
            jsonb_build_object(
                'value', left(placed.value, 300),
                'cut', greatest(length(placed.value) - 300, 0)
            )
            ORDER BY placed.place
        ) FILTER (
            WHERE
            placed.value IS NOT NULL
            AND placed.place <= current_setting('amo.report_samples')::integer
        ),
        '[]'
    ) AS samples
FROM placed
GROUP BY placed.reason, placed.stream, placed.path
ORDER BY
    max(sum(placed.in_run)) OVER (PARTITION BY placed.reason) DESC,
    max(sum(placed.kept)) OVER (PARTITION BY placed.reason) DESC,
    placed.reason ASC,
    in_run DESC,
    kept DESC,
    placed.stream ASC,
    placed.path ASC
LIMIT 40;
