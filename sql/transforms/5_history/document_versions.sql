-- Purpose: keep the version of every document that changed, delete what is too old.
-- Version: 1
-- Reads:   amo.documents, ops.history_watch; the setting amo.history_days: NULL keeps all
-- Writes:  amo.document_versions, staging.document_versions, ops.history_runs
-- Re-run:  safe; a version that is kept already is neither written nor locked.

TRUNCATE staging.document_versions;

-- Since versions were last kept, not since the last transform: so a run without --history is
-- made up for. In a block, because only a known number tells the planner how few they are.
DO $$
DECLARE
    known_run bigint := (
        SELECT watch.last_run FROM ops.history_watch AS watch
        -- Emptied by hand: all documents are taken again.
        WHERE EXISTS (SELECT FROM amo.document_versions)
    );
BEGIN
    INSERT INTO staging.document_versions (account_id, stream, id)
    SELECT
        document.account_id,
        document.stream,
        document.id
    FROM amo.documents AS document
    WHERE document.changed_run > coalesce(known_run, 0);
END;
$$;

ANALYZE staging.document_versions;

UPDATE amo.document_versions AS version
SET
    -- Also when the clock of the server was set back.
    valid_to = greatest(document.changed_at, version.valid_from + interval '1 microsecond'),
    certain_until = CASE
        -- The first transform that nobody watched brought the version that comes next.
        WHEN document.changed_run > watch.first_unwatched
            THEN greatest(watch.unwatched_at, version.valid_from)
    END,
    closed_run = (SELECT ops.transform_run()),
    ended_by = CASE WHEN document.deleted_at IS NULL THEN 'change' ELSE 'deletion' END
FROM staging.document_versions AS change
INNER JOIN amo.documents AS document
    ON
        change.account_id = document.account_id
        AND change.stream = document.stream
        AND change.id = document.id
CROSS JOIN ops.history_watch AS watch
WHERE
    version.account_id = change.account_id
    AND version.stream = change.stream
    AND version.id = change.id
    AND version.valid_to IS NULL
    AND (
        document.deleted_at IS NOT NULL
        OR version.hash <> document.hash
        -- Gone and back, or changed and changed back, while nobody watched.
        OR version.opened_run <> document.changed_run
    );

INSERT INTO amo.document_versions (
    account_id, stream, id, valid_from, opened_run, hash, doc
)
SELECT
    document.account_id,
    document.stream,
    document.id,
    greatest(
        document.changed_at,
        (
            SELECT max(past.valid_to)
            FROM amo.document_versions AS past
            WHERE
                past.account_id = change.account_id
                AND past.stream = change.stream
                AND past.id = change.id
        )
    ) AS valid_from,
    document.changed_run AS opened_run,
    document.hash,
    document.doc
FROM staging.document_versions AS change
INNER JOIN amo.documents AS document
    ON
        change.account_id = document.account_id
        AND change.stream = document.stream
        AND change.id = document.id
WHERE
    document.deleted_at IS NULL
    AND NOT EXISTS (
        SELECT FROM amo.document_versions AS kept
        WHERE
            kept.account_id = change.account_id
            AND kept.stream = change.stream
            AND kept.id = change.id
            AND kept.valid_to IS NULL
    );

-- In slices: a shorter time to keep does not become one night of deleting. Open ones stay.
DELETE FROM amo.document_versions AS expired
USING (
    SELECT
        old.account_id,
        old.stream,
        old.id,
        old.valid_from
    FROM amo.document_versions AS old
    WHERE
        old.valid_to
        < now() - nullif(current_setting('amo.history_days', TRUE), '')::integer * interval '1 day'
    ORDER BY old.valid_to
    LIMIT 50000
) AS slice
WHERE
    expired.account_id = slice.account_id
    AND expired.stream = slice.stream
    AND expired.id = slice.id
    AND expired.valid_from = slice.valid_from;

INSERT INTO ops.history_runs (run_id, expired_before)
SELECT
    ops.transform_run() AS run_id,
    now() - nullif(current_setting('amo.history_days', TRUE), '')::integer * interval '1 day'
        AS expired_before
ON CONFLICT ON CONSTRAINT history_runs_pkey DO UPDATE SET
    kept_at = excluded.kept_at,
    expired_before = coalesce(excluded.expired_before, history_runs.expired_before);
