-- Purpose: runs for people and dashboards: which are alive, what they brought, took, and occupy.
-- Writes:  ops.account_lock_key(), ops.v_running, ops.v_runs, ops.v_steps, ops.v_sizes
-- Re-run:  safe; the function and the views are replaced by the same text.

CREATE OR REPLACE FUNCTION ops.account_lock_key(account_id bigint)
RETURNS integer
LANGUAGE plpgsql
IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog
AS $$
DECLARE
    digits bytea := convert_to(account_id::text, 'UTF8');
    crc bigint := 4294967295;
BEGIN
    FOR place IN 0 .. length(digits) - 1 LOOP
        crc := crc # get_byte(digits, place);
        FOR bit IN 1 .. 8 LOOP
            crc := (crc >> 1) # CASE WHEN crc & 1 = 1 THEN 3988292384 ELSE 0 END;
        END LOOP;
    END LOOP;
    RETURN (crc # 4294967295) & 2147483647;
END;
$$;
COMMENT ON FUNCTION ops.account_lock_key(bigint) IS
'Second key of the advisory lock (727001, key) that a run holds on its account: its CRC-32.';

CREATE OR REPLACE VIEW ops.v_running AS
WITH session AS (
    SELECT
        activity.pid,
        activity.application_name,
        lock.objid::bigint AS account_key
    FROM pg_stat_activity AS activity
    LEFT JOIN pg_locks AS lock
        ON
            activity.pid = lock.pid
            AND lock.locktype = 'advisory'
            AND lock.granted
            AND lock.classid = 727001
            AND activity.datid = lock.database
    WHERE
        activity.datname = current_database()
        AND activity.application_name LIKE 'amo-%'
),

unfinished AS (
    SELECT
        run.*,
        -- Those of before were killed: two of a kind do not run at the same time.
        row_number() OVER (PARTITION BY run.kind, run.account_id ORDER BY run.id DESC) = 1
            AS is_newest
    FROM ops.runs AS run
    WHERE run.status = 'running' AND run.mode <> 'by hand'
),

work AS (
    SELECT
        run.id,
        min(session.pid) AS pid,
        min(substring(session.application_name FROM ' (.+)$')) AS file
    FROM unfinished AS run
    INNER JOIN session
        ON CASE run.kind
            WHEN 'load'
                THEN
                    session.application_name LIKE 'amo-load%'
                    AND session.account_key = ops.account_lock_key(run.account_id)
            WHEN 'transform' THEN run.pid = session.pid
        END
    WHERE run.is_newest
    GROUP BY run.id
)

SELECT
    run.id AS run_id,
    run.kind,
    run.mode,
    run.account_id,
    coalesce(work.pid, part.pid, own.pid) IS NOT NULL AS is_alive,
    coalesce(work.pid, part.pid, own.pid) AS pid,
    coalesce(work.file, part.step) AS doing,
    coalesce(run.resumed_at, run.started_at) AS since,
    run.refreshed_by
FROM unfinished AS run
LEFT JOIN work
    ON run.id = work.id
LEFT JOIN
    LATERAL (
        SELECT
            work_of_it.pid,
            step.kind || ' ' || step.id AS step
        FROM unfinished AS step
        INNER JOIN work AS work_of_it
            ON step.id = work_of_it.id
        WHERE step.refreshed_by = run.id
        ORDER BY step.id DESC
        LIMIT 1
    ) AS part
    ON run.kind = 'refresh'
LEFT JOIN
    LATERAL (
        SELECT min(session.pid) AS pid
        FROM session
        WHERE session.application_name LIKE 'amo-refresh%'
    ) AS own
    ON run.kind = 'refresh' AND run.is_newest;

COMMENT ON VIEW ops.v_running IS
'Runs that have not ended, each with whether it is alive: ops.runs says running also after '
'kill -9, but the session that holds the lock of the account is gone then.';
COMMENT ON COLUMN ops.v_running.pid IS 'Backend of its main connection; NULL when it is dead.';
COMMENT ON COLUMN ops.v_running.doing IS
'The SQL file that a transform is at; the load or transform that a refresh is at.';
COMMENT ON COLUMN ops.v_running.since IS 'When it began, or was continued.';

-- Numbers are subqueries, so that what is not asked for is not counted.
CREATE OR REPLACE VIEW ops.v_runs AS
SELECT
    run.id AS run_id,
    run.kind,
    run.mode,
    run.account_id,
    CASE
        WHEN run.status <> 'running' OR alive.is_alive THEN run.status
        WHEN run.mode = 'by hand' THEN run.mode
        ELSE 'dead'
    END AS status,
    run.exit_code,
    run.started_at,
    run.finished_at,
    extract(
        EPOCH FROM run.finished_at - coalesce(run.resumed_at, run.started_at)
    )::double precision AS seconds,
    (
        SELECT sum(page.rows)::bigint FROM ops.pages AS page
        WHERE page.run_id = run.id AND page.status = 'staged'
    ) AS rows_read,
    (
        SELECT sum(counter.value)::bigint FROM ops.counters AS counter
        WHERE counter.run_id = run.id AND counter.counter = 'inserted'
    ) AS inserted,
    (
        SELECT sum(counter.value)::bigint FROM ops.counters AS counter
        WHERE counter.run_id = run.id AND counter.counter = 'updated'
    ) AS updated,
    CASE
        WHEN run.kind = 'transform'
            THEN (
                SELECT count(*)
                FROM ops.deletions AS deletion
                INNER JOIN ops.runs AS taken
                    ON deletion.run_id = taken.id
                WHERE taken.transformed_by = run.id
            )
    END AS deleted,
    (
        SELECT sum(step.rejected)::bigint FROM ops.transforms AS step
        WHERE step.run_id = run.id
    ) AS rejected,
    (
        SELECT sum(step.wal_bytes)::bigint FROM ops.transforms AS step
        WHERE step.run_id = run.id
    ) AS wal_bytes,
    (
        SELECT sum(request.requests)::bigint FROM ops.run_requests AS request
        WHERE request.run_id = run.id
    ) AS requests,
    (
        SELECT metrics.rate FROM ops.run_metrics AS metrics
        WHERE metrics.run_id = run.id
    ) AS rate,
    (
        SELECT metrics.rate_limit FROM ops.run_metrics AS metrics
        WHERE metrics.run_id = run.id)
        AS rate_limit,
    (
        SELECT metrics.rate_share FROM ops.run_metrics AS metrics
        WHERE metrics.run_id = run.id)
        AS rate_share,
    run.refreshed_by,
    run.message
FROM ops.runs AS run
LEFT JOIN ops.v_running AS alive
    ON run.id = alive.run_id;

COMMENT ON VIEW ops.v_runs IS
'One row per refresh, load and transform, with what it brought. Entities, not rows of tables.';
COMMENT ON COLUMN ops.v_runs.status IS
'As in ops.runs; dead: it says running there, but its process is gone. by hand: files run by '
'psql, whose end nobody notes.';
COMMENT ON COLUMN ops.v_runs.seconds IS
'NULL until it ends; of a load that was continued, since then.';
COMMENT ON COLUMN ops.v_runs.rows_read IS 'Of a load: entities on its pages.';
COMMENT ON COLUMN ops.v_runs.deleted IS
'Of a transform: confirmed as gone by the loads that it took.';
COMMENT ON COLUMN ops.v_runs.rejected IS 'Of a transform: values that it wrote to ops.rejects.';

CREATE OR REPLACE VIEW ops.v_steps AS
SELECT
    file.run_id,
    run.started_at,
    split_part(file.name, '/', 2) AS step,
    split_part(file.name, '/', 3) AS file,
    file.seconds,
    file.inserted,
    file.updated,
    file.deleted,
    file.rejected,
    file.wal_bytes
FROM ops.transforms AS file
INNER JOIN ops.runs AS run
    ON file.run_id = run.id;

COMMENT ON VIEW ops.v_steps IS
'Each SQL file of each transform: seconds, rows of tables written, WAL; see ops.transforms.';
COMMENT ON COLUMN ops.v_steps.started_at IS 'When the transform began.';
COMMENT ON COLUMN ops.v_steps.step IS 'Folder of the file: 1_explode, 2_normalise, 3_merge …';

-- To ask for the size of a table waits for its lock, and a transform keeps those of staging.
CREATE OR REPLACE VIEW ops.v_sizes AS
WITH relation AS MATERIALIZED (
    SELECT
        class.oid,
        namespace.nspname AS schema,
        class.relname AS name
    FROM pg_class AS class
    INNER JOIN pg_namespace AS namespace
        ON class.relnamespace = namespace.oid
    INNER JOIN pg_database AS own
        ON own.datname = current_database()
    WHERE
        namespace.nspname IN ('staging', 'amo', 'mart', 'ops')
        AND class.relkind IN ('r', 'm')
        AND NOT EXISTS (
            SELECT FROM pg_locks AS lock
            WHERE
                lock.relation = class.oid
                AND lock.mode = 'AccessExclusiveLock'
                AND lock.database = own.oid
        )
)

SELECT
    relation.schema,
    relation.name,
    pg_total_relation_size(relation.oid) AS bytes
FROM relation;

COMMENT ON VIEW ops.v_sizes IS
'Bytes of each table of ours with indexes and TOAST; those that are locked right now are left out.';
