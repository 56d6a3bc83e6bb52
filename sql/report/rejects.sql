-- Purpose: what could not be typed, by reason, stream and path, the most frequent first, with samples.
-- Reads:   ops.rejects
-- By hand: SET amo.report_parts = '{17,18}' and SET amo.report_samples = 3 say of which run, and
--          how many samples.

-- PostgreSQL quotes the value in its reason, in the quotation marks of its language.
WITH told AS (
    SELECT
        reject.id,
        regexp_replace(reject.reason, '["«»„“「].*["«»“”」]', '"…"') AS reason,
        reject.stream,
        reject.path,
        coalesce(reject.raw, reject.value) AS value,
        reject.run_id = any(current_setting('amo.report_parts')::bigint[]) AS is_of_run
    FROM ops.rejects AS reject
),

noted AS (
    SELECT
        told.reason,
        told.stream,
        told.path,
        told.value,
        count(*) FILTER (WHERE told.is_of_run) AS in_run,
        count(*) AS kept,
        max(told.id) AS newest
    FROM told
    GROUP BY told.reason, told.stream, told.path, told.value
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
