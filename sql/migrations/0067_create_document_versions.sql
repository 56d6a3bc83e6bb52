-- Purpose: every version of each document with its time (SCD2), for bin/transform --history.
-- Writes:  amo.document_versions, amo.documents_as_of(), ops.history_runs, ops.history_watch, …
-- Re-run:  safe; what exists is kept.

CREATE TABLE IF NOT EXISTS amo.document_versions (
    account_id bigint NOT NULL,
    stream text NOT NULL,
    id text NOT NULL,
    valid_from timestamptz NOT NULL,
    valid_to timestamptz,
    certain_until timestamptz,
    opened_run bigint NOT NULL,
    closed_run bigint,
    ended_by text CONSTRAINT document_versions_ended_by CHECK (ended_by IN ('change', 'deletion')),
    hash bigint NOT NULL,
    doc jsonb NOT NULL,
    CONSTRAINT document_versions_pkey PRIMARY KEY (account_id, stream, id, valid_from),
    CONSTRAINT document_versions_interval CHECK (valid_from < valid_to),
    CONSTRAINT document_versions_closed CHECK (
        num_nonnulls(valid_to, closed_run, ended_by) IN (0, 3)
    )
);
COMMENT ON TABLE amo.document_versions IS
'Every version of each document that bin/transform --history saw, in half-open intervals '
'[valid_from, valid_to). A time without a version: amoCRM did not have it. docs/HISTORY.md.';
COMMENT ON COLUMN amo.document_versions.account_id IS 'The account in amoCRM.';
COMMENT ON COLUMN amo.document_versions.stream IS 'A name of ops.streams.';
COMMENT ON COLUMN amo.document_versions.id IS 'As in amo.documents.';
COMMENT ON COLUMN amo.document_versions.doc IS 'The JSON of this version.';
COMMENT ON COLUMN amo.document_versions.valid_from IS
'When a transform brought this version into amo.documents: not before amoCRM had it.';
COMMENT ON COLUMN amo.document_versions.valid_to IS 'NULL: it is what amo.documents has.';
COMMENT ON COLUMN amo.document_versions.certain_until IS
'NULL: until valid_to. Else transforms ran without --history from here on, and others may have '
'come and gone before valid_to.';
COMMENT ON COLUMN amo.document_versions.opened_run IS 'Transform run that brought the document.';
COMMENT ON COLUMN amo.document_versions.closed_run IS 'Transform run that wrote valid_to.';
COMMENT ON COLUMN amo.document_versions.ended_by IS
'change: another version follows at valid_to. deletion: amoCRM did not have it any more.';
COMMENT ON COLUMN amo.document_versions.hash IS 'Without links, as in amo.documents.';

CREATE UNIQUE INDEX IF NOT EXISTS document_versions_open
ON amo.document_versions (account_id, stream, id)
WHERE valid_to IS NULL;

CREATE INDEX IF NOT EXISTS document_versions_closed_at
ON amo.document_versions (valid_to)
WHERE valid_to IS NOT NULL;

CREATE UNLOGGED TABLE IF NOT EXISTS staging.document_versions (
    account_id bigint NOT NULL,
    stream text NOT NULL,
    id text NOT NULL
) WITH (autovacuum_enabled = FALSE);
COMMENT ON TABLE staging.document_versions IS
'Documents that changed since versions were last kept: the work list of 5_history.';

CREATE TABLE IF NOT EXISTS ops.history_runs (
    run_id bigint CONSTRAINT history_runs_pkey PRIMARY KEY
    CONSTRAINT history_runs_run_id_fkey REFERENCES ops.runs (id) ON DELETE CASCADE,
    kept_at timestamptz NOT NULL DEFAULT now(),
    expired_before timestamptz
);
COMMENT ON TABLE ops.history_runs IS 'The transforms that kept versions of documents.';
COMMENT ON COLUMN ops.history_runs.run_id IS 'Of ops.runs.';
COMMENT ON COLUMN ops.history_runs.kept_at IS 'When it did.';
COMMENT ON COLUMN ops.history_runs.expired_before IS
'Versions that ended before may be deleted; NULL: it deleted none.';

CREATE OR REPLACE VIEW ops.history_watch AS
SELECT
    past.last_run,
    past.begun_at,
    past.expired_before,
    gap.first_unwatched,
    gap.unwatched_at
FROM (
    SELECT
        -- A transaction by hand may be followed by more of the same run: it is looked at again.
        coalesce(max(kept.run_id) FILTER (WHERE run.status = 'ok'), 0) AS last_run,
        min(kept.run_id) AS first_run,
        min(kept.kept_at) AS begun_at,
        max(kept.expired_before) AS expired_before
    FROM ops.history_runs AS kept
    INNER JOIN ops.runs AS run
        ON kept.run_id = run.id
) AS past
LEFT JOIN
    LATERAL (
        SELECT
            missed.id AS first_unwatched,
            missed.started_at AS unwatched_at
        FROM ops.runs AS missed
        WHERE
            missed.id > greatest(past.last_run, past.first_run)
            AND missed.kind = 'transform'
            -- One of single tables takes no documents over; one that failed left none, unless
            -- it committed step 1 by itself, in slices.
            AND CASE missed.mode
                WHEN 'by hand' THEN missed.status <> 'running'
                WHEN 'rebuild of tables' THEN FALSE
                ELSE missed.status = 'ok' OR missed.status <> 'running' AND EXISTS (
                    SELECT FROM ops.transforms AS file
                    WHERE file.run_id = missed.id AND file.name LIKE 'transforms/1_explode/%'
                )
            END
            AND NOT EXISTS (
                SELECT FROM ops.history_runs AS seen
                WHERE seen.run_id = missed.id
            )
        ORDER BY missed.id
        LIMIT 1
    ) AS gap
    ON TRUE;
COMMENT ON VIEW ops.history_watch IS
'One row: the last transform that kept versions, and the first one after it that did not.';
COMMENT ON COLUMN ops.history_watch.last_run IS 'The last transform that kept versions; 0: none.';
COMMENT ON COLUMN ops.history_watch.begun_at IS 'Since when versions are kept.';
COMMENT ON COLUMN ops.history_watch.expired_before IS 'Versions that ended before may be deleted.';
COMMENT ON COLUMN ops.history_watch.first_unwatched IS
'The first transform after it that kept none.';
COMMENT ON COLUMN ops.history_watch.unwatched_at IS 'When that one began.';

-- For readers, who need no right to look into ops.
CREATE OR REPLACE FUNCTION amo.history_reach()
RETURNS TABLE (first_moment timestamptz, unwatched_at timestamptz)
LANGUAGE sql
STABLE
SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $$
    SELECT greatest(watch.begun_at, watch.expired_before), watch.unwatched_at
    FROM ops.history_watch AS watch
$$;
COMMENT ON FUNCTION amo.history_reach() IS
'Since when all versions are kept, NULL: never; and since when not every transform kept them.';

CREATE OR REPLACE FUNCTION amo.history_covers(moment timestamptz)
RETURNS boolean
LANGUAGE plpgsql
STABLE
SET search_path = pg_catalog
AS $$
DECLARE
    reach record;
BEGIN
    SELECT * INTO reach FROM amo.history_reach();
    IF reach.first_moment IS NULL THEN
        RAISE EXCEPTION 'no history is kept' USING
            HINT = 'bin/transform --history begins one';
    ELSIF moment < reach.first_moment THEN
        RAISE EXCEPTION 'the history does not reach back to %', moment USING
            DETAIL = format('it is complete from %s on', reach.first_moment),
            HINT = 'what is known of earlier times is in amo.document_versions';
    END IF;
    RETURN TRUE;
END;
$$;
COMMENT ON FUNCTION amo.history_covers(timestamptz) IS
'True, or an error when versions of that time were never kept or are deleted by now.';

CREATE OR REPLACE FUNCTION amo.documents_as_of(moment timestamptz)
RETURNS TABLE (
    account_id bigint,
    stream text,
    id text,
    doc jsonb,
    valid_from timestamptz,
    valid_to timestamptz,
    is_certain boolean
)
LANGUAGE sql
STABLE
AS $$
    SELECT
        version.account_id,
        version.stream,
        version.id,
        version.doc,
        version.valid_from,
        version.valid_to,
        CASE
            WHEN version.valid_to IS NULL THEN (
                SELECT moment < coalesce(reach.unwatched_at, 'infinity')
                FROM amo.history_reach() AS reach
            )
            ELSE moment < coalesce(version.certain_until, 'infinity')
        END AS is_certain
    FROM amo.document_versions AS version
    WHERE
        version.valid_from <= moment
        AND (version.valid_to IS NULL OR version.valid_to > moment)
        AND amo.history_covers(moment)
$$;
COMMENT ON FUNCTION amo.documents_as_of(timestamptz) IS
'amo.documents as it was, without what was deleted. is_certain: no transform without --history '
'may have brought another version. An error for times before the history began.';
