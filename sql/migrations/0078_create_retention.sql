-- Purpose: delete what nobody asks for any more: pages of the ledger, runs and what they cost.
-- Writes:  ops.forget_pages(), ops.forget_runs()
-- Re-run:  safe; the functions are replaced by the same text.

CREATE OR REPLACE FUNCTION ops.forget_pages(keep interval)
RETURNS bigint
LANGUAGE sql
SET search_path = pg_catalog
AS $$
    WITH spent AS (
        SELECT run.id
        FROM ops.runs AS run
        WHERE
            run.kind = 'load'
            AND run.started_at < now() - keep
            -- What waits for its transform, or may be continued, needs its ledger.
            AND (run.transformed_by IS NOT NULL OR run.status = 'abandoned')
    ),

    selected AS (
        DELETE FROM ops.selected USING spent WHERE selected.run_id = spent.id
    ),

    page AS (
        DELETE FROM ops.pages USING spent WHERE pages.run_id = spent.id
        RETURNING 1
    )

    SELECT count(*) FROM page
$$;
COMMENT ON FUNCTION ops.forget_pages(interval) IS
'Delete the ledger of loads that began longer ago and are done with; returns how many pages. '
'bin/refresh calls it each night; by hand: SELECT ops.forget_pages(''60 days'').';

CREATE OR REPLACE FUNCTION ops.forget_runs(keep interval)
RETURNS bigint
LANGUAGE sql
SET search_path = pg_catalog
AS $$
    WITH needed AS (
        -- Which version of each file ran last, and how far the documents have been carried.
        SELECT max(file.run_id) AS id
        FROM ops.transforms AS file
        INNER JOIN ops.runs AS run ON file.run_id = run.id
        WHERE run.status = 'ok'
        GROUP BY file.name
        UNION ALL
        -- The last success of each kind and of each stream, however long ago.
        SELECT max(run.id) AS id
        FROM ops.runs AS run
        WHERE run.status = 'ok'
        GROUP BY run.kind
        UNION ALL
        SELECT max(ended.run_id) AS id
        FROM ops.run_streams AS ended
        WHERE ended.status = 'complete'
        GROUP BY ended.stream
        UNION ALL
        SELECT watermark.run_id AS id
        FROM ops.watermarks AS watermark
        UNION ALL
        -- Since when history is kept, how far back it is deleted, and its first gap.
        SELECT unnest(ARRAY[
            min(kept.run_id),
            max(kept.run_id),
            (array_agg(kept.run_id ORDER BY kept.expired_before DESC NULLS LAST))[1]
        ]) AS id
        FROM ops.history_runs AS kept
        UNION ALL
        SELECT watch.first_unwatched AS id
        FROM ops.history_watch AS watch
        UNION ALL
        -- Rejects of a transform say what is wrong now, however long it has been so.
        SELECT reject.run_id AS id
        FROM ops.rejects AS reject
        INNER JOIN ops.runs AS run ON reject.run_id = run.id
        WHERE run.kind = 'transform'
    ),

    journal AS (
        DELETE FROM ops.tuning_journal
        WHERE tuning_journal.closed_at < now() - keep
    ),

    forgotten AS (
        DELETE FROM ops.runs
        WHERE
            runs.started_at < now() - keep
            AND runs.status <> 'running'
            AND (
                runs.kind <> 'load'
                OR runs.transformed_by IS NOT NULL
                OR runs.status = 'abandoned'
            )
            AND runs.id NOT IN (SELECT needed.id FROM needed WHERE needed.id IS NOT NULL)
        RETURNING 1
    )

    SELECT count(*) FROM forgotten
$$;
COMMENT ON FUNCTION ops.forget_runs(interval) IS
'Delete runs that began longer ago, with their metrics, counters and ledgers, and what is closed '
'in the tuning journal; returns how many runs. Those that something still refers to are kept: the '
'last success of each stream and file, watermarks, rejects that stand, the beginning of history. '
'bin/refresh calls it each night; by hand: SELECT ops.forget_runs(''400 days'').';
