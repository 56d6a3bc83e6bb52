-- Purpose: the versions that were touched follow each other, the last one is the document.
-- After:   5_history
-- Reads:   staging.document_versions, amo.document_versions, amo.documents, ops.history_runs
-- A row is a finding: a document whose versions overlap, or whose open version is not what
-- amo.documents has. Without --history there is nothing to look at.

SELECT
    change.account_id,
    change.stream,
    change.id,
    kept.overlapping,
    kept.open_hash,
    document.hash,
    document.deleted_at
FROM staging.document_versions AS change
INNER JOIN amo.documents AS document
    ON
        change.account_id = document.account_id
        AND change.stream = document.stream
        AND change.id = document.id
CROSS JOIN
    LATERAL (
        SELECT
            count(*) FILTER (WHERE version.valid_from < version.previous_to) AS overlapping,
            max(version.hash) FILTER (WHERE version.valid_to IS NULL) AS open_hash
        FROM (
            SELECT
                one.valid_from,
                one.valid_to,
                one.hash,
                max(coalesce(one.valid_to, 'infinity')) OVER (
                    ORDER BY one.valid_from
                    ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
                ) AS previous_to
            FROM amo.document_versions AS one
            WHERE
                one.account_id = change.account_id
                AND one.stream = change.stream
                AND one.id = change.id
        ) AS version
    ) AS kept
WHERE
    EXISTS (
        SELECT FROM ops.history_runs AS run
        WHERE run.run_id = (SELECT ops.transform_run())
    )
    AND (
        kept.overlapping > 0
        OR kept.open_hash IS DISTINCT FROM CASE
            WHEN document.deleted_at IS NULL THEN document.hash
        END
    );
