-- Purpose: what bin/tune changed beyond its own session, what it was before, who needs it.
-- Writes:  ops.table_option(), ops.tuning_journal, ops.tuning_holders, ops.tuning_holds,
--          ops.tuning_targets, ops.tuning_watchdog
-- Re-run:  safe; what exists is kept, views and functions are replaced by the same text.

CREATE OR REPLACE FUNCTION ops.table_option(table_oid oid, option text)
RETURNS text
LANGUAGE sql
STABLE
SET search_path = pg_catalog
AS $$
    SELECT given.option_value
    FROM pg_class AS relation
    LEFT JOIN pg_class AS toast
        ON relation.reltoastrelid = toast.oid
    CROSS JOIN LATERAL pg_options_to_table(
        CASE WHEN option LIKE 'toast.%' THEN toast.reloptions ELSE relation.reloptions END
    ) AS given
    WHERE
        relation.oid = table_oid
        AND given.option_name = regexp_replace(option, '^toast\.', '')
$$;
COMMENT ON FUNCTION ops.table_option(oid, text) IS
'A storage option of a table as it was typed, toast.… included; NULL where it is not set.';

CREATE TABLE IF NOT EXISTS ops.tuning_journal (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT tuning_journal_pkey PRIMARY KEY,
    kind text NOT NULL CONSTRAINT tuning_journal_kind CHECK (kind IN ('table', 'system')),
    relid oid,
    object text NOT NULL,
    name text NOT NULL,
    prior_set boolean NOT NULL,
    prior_value text,
    applied_value text NOT NULL,
    state text NOT NULL CONSTRAINT tuning_journal_state
    CHECK (state IN ('intent', 'applied', 'closed')),
    applied_by text NOT NULL DEFAULT session_user,
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    closed_at timestamptz,
    outcome text CONSTRAINT tuning_journal_outcome CHECK (
        outcome IN ('restored', 'skipped_changed', 'object_gone', 'never_applied', 'no_effect')
    ),
    last_error text,
    CONSTRAINT tuning_journal_kind_relid CHECK ((kind = 'table') = (relid IS NOT NULL)),
    CONSTRAINT tuning_journal_prior CHECK (prior_set = (prior_value IS NOT NULL)),
    CONSTRAINT tuning_journal_closed CHECK (
        (state = 'closed') = (closed_at IS NOT NULL)
        AND (state = 'closed') = (outcome IS NOT NULL)
    )
);
COMMENT ON TABLE ops.tuning_journal IS
'What bin/tune changed and has to undo: one row per option of a table or setting of the server. '
'Written in the transaction that changes a table, and before ALTER SYSTEM, which has none.';
COMMENT ON COLUMN ops.tuning_journal.id IS 'Grows with time.';
COMMENT ON COLUMN ops.tuning_journal.kind IS 'table or system.';
COMMENT ON COLUMN ops.tuning_journal.name IS 'The option or setting.';
COMMENT ON COLUMN ops.tuning_journal.prior_value IS 'What it was.';
COMMENT ON COLUMN ops.tuning_journal.applied_value IS 'What it was set to.';
COMMENT ON COLUMN ops.tuning_journal.applied_by IS 'Role that did it.';
COMMENT ON COLUMN ops.tuning_journal.created_at IS 'When it was noted.';
COMMENT ON COLUMN ops.tuning_journal.closed_at IS 'When it was done with.';
COMMENT ON COLUMN ops.tuning_journal.relid IS 'The table; NULL for a setting of the server.';
COMMENT ON COLUMN ops.tuning_journal.object IS 'schema.table, also after a restore; or server.';
COMMENT ON COLUMN ops.tuning_journal.prior_set IS 'FALSE: the way back is RESET, to no value.';
COMMENT ON COLUMN ops.tuning_journal.state IS
'intent: ALTER SYSTEM may or may not have been done. applied: in force. closed: done with.';
COMMENT ON COLUMN ops.tuning_journal.outcome IS
'restored: as before. skipped_changed: somebody set another value meanwhile, which was kept. '
'object_gone: the table was dropped. never_applied: killed between intent and ALTER SYSTEM. '
'no_effect: the server went on with another value, so that it was undone at once.';
COMMENT ON COLUMN ops.tuning_journal.last_error IS 'Why the last attempt to undo it failed.';

-- One owner of the truth: whoever comes second never takes our value for the one before.
CREATE UNIQUE INDEX IF NOT EXISTS tuning_journal_open
ON ops.tuning_journal (kind, coalesce(relid, 0::oid), name) WHERE closed_at IS NULL;

CREATE TABLE IF NOT EXISTS ops.tuning_holders (
    journal_id bigint NOT NULL CONSTRAINT tuning_holders_journal_id_fkey
    REFERENCES ops.tuning_journal (id) ON DELETE CASCADE,
    key integer NOT NULL,
    pid integer,
    deadline timestamptz NOT NULL,
    CONSTRAINT tuning_holders_pkey PRIMARY KEY (journal_id, key)
);
COMMENT ON TABLE ops.tuning_holders IS
'Who still needs an open row of the journal; the last one to leave undoes it.';
COMMENT ON COLUMN ops.tuning_holders.journal_id IS 'Of ops.tuning_journal.';
COMMENT ON COLUMN ops.tuning_holders.deadline IS 'After that it does not count any more.';
COMMENT ON COLUMN ops.tuning_holders.key IS 'Second key of a run''s lock; 0 is bin/tune apply.';
COMMENT ON COLUMN ops.tuning_holders.pid IS 'Backend of the run; NULL: held until the deadline.';

CREATE OR REPLACE VIEW ops.tuning_holds AS
SELECT
    holder.journal_id,
    holder.key,
    holder.pid,
    holder.deadline,
    holder.deadline <= clock_timestamp() AS is_overdue,
    CASE
        WHEN holder.pid IS NULL THEN holder.deadline > clock_timestamp()
        ELSE EXISTS (
            SELECT
            FROM pg_locks AS lock
            WHERE
                lock.locktype = 'advisory'
                AND lock.granted
                AND lock.classid = 727010
                AND lock.objid = holder.key::oid
                AND lock.pid = holder.pid
                AND lock.database = (
                    SELECT database.oid
                    FROM pg_database AS database
                    WHERE database.datname = current_database()
                )
        )
    END AS is_alive
FROM ops.tuning_holders AS holder;
COMMENT ON VIEW ops.tuning_holds IS
'The holders, each with whether it still counts: a run as long as its backend has its advisory '
'lock, which it cannot keep when it dies; bin/tune apply until its deadline.';

CREATE OR REPLACE VIEW ops.tuning_targets AS
SELECT
    relation.oid AS relid,
    format('%I.%I', namespace.nspname, relation.relname) AS object,
    relation.relname AS name,
    ops.table_option(relation.oid, 'autovacuum_enabled') AS autovacuum_enabled,
    ops.table_option(relation.oid, 'toast.autovacuum_enabled') AS toast_autovacuum_enabled,
    greatest(relation.reltuples, 0)::bigint AS estimated_rows,
    greatest(
        age(relation.relfrozenxid) / least(
            current_setting('autovacuum_freeze_max_age')::double precision,
            ops.table_option(relation.oid, 'autovacuum_freeze_max_age')::double precision
        ),
        age(toast.relfrozenxid) / least(
            current_setting('autovacuum_freeze_max_age')::double precision,
            ops.table_option(relation.oid, 'autovacuum_freeze_max_age')::double precision,
            ops.table_option(relation.oid, 'toast.autovacuum_freeze_max_age')::double precision
        ),
        mxid_age(relation.relminmxid) / least(
            current_setting('autovacuum_multixact_freeze_max_age')::double precision,
            ops.table_option(relation.oid, 'autovacuum_multixact_freeze_max_age')
            ::double precision
        )
    ) AS wraparound,
    pg_has_role(relation.relowner, 'USAGE') AS is_owned
FROM pg_class AS relation
INNER JOIN pg_namespace AS namespace
    ON relation.relnamespace = namespace.oid
LEFT JOIN pg_class AS toast
    ON relation.reltoastrelid = toast.oid
WHERE
    namespace.nspname = 'amo'
    AND relation.relkind = 'r';
COMMENT ON VIEW ops.tuning_targets IS
'The tables that bin/tune apply is about. wraparound: how near the vacuum is that the server '
'forces against wraparound, 1 is there; is_owned: this role may change the table.';

CREATE OR REPLACE VIEW ops.tuning_watchdog AS
WITH disabled AS (
    SELECT
        coalesce(parent.oid, relation.oid) AS relid,
        CASE WHEN relation.relkind = 't' THEN 'toast.' ELSE '' END || given.option_name AS name,
        given.option_value AS value
    FROM pg_class AS relation
    CROSS JOIN LATERAL pg_options_to_table(relation.reloptions) AS given
    LEFT JOIN pg_class AS parent
        ON relation.relkind = 't' AND relation.oid = parent.reltoastrelid
    WHERE
        relation.relkind IN ('r', 'm', 't')
        AND relation.relpersistence <> 't'
        AND given.option_name = 'autovacuum_enabled'
        AND NOT given.option_value::boolean
),

open_row AS (
    SELECT
        journal.id,
        journal.kind,
        journal.relid,
        journal.object,
        journal.name,
        journal.applied_value,
        journal.created_at,
        journal.last_error,
        bool_or(hold.is_alive) AS is_held,
        bool_or(hold.is_overdue) AS is_overdue,
        min(hold.deadline) AS deadline,
        array_agg(hold.pid) FILTER (WHERE hold.is_alive AND hold.pid IS NOT NULL) AS pids
    FROM ops.tuning_journal AS journal
    LEFT JOIN ops.tuning_holds AS hold
        ON journal.id = hold.journal_id
    WHERE journal.closed_at IS NULL
    GROUP BY journal.id
)

SELECT
    coalesce(open_row.kind, 'table') AS kind,
    CASE
        WHEN relation.oid IS NULL THEN open_row.object
        ELSE format('%I.%I', namespace.nspname, relation.relname)
    END AS object,
    coalesce(disabled.name, open_row.name) AS name,
    coalesce(disabled.value, open_row.applied_value) AS value,
    CASE
        WHEN open_row.is_overdue THEN 'overdue'
        WHEN open_row.is_held THEN 'held'
        WHEN open_row.id IS NOT NULL THEN 'orphaned'
        WHEN namespace.nspname = 'staging' THEN 'by design'
        ELSE 'foreign'
    END AS state,
    open_row.id AS journal_id,
    open_row.created_at AS since,
    open_row.deadline,
    open_row.pids,
    open_row.last_error,
    activity.n_live_tup AS live_rows,
    activity.n_dead_tup AS dead_rows,
    greatest(activity.last_vacuum, activity.last_autovacuum) AS last_vacuum,
    age(relation.relfrozenxid) AS xid_age
FROM disabled
FULL JOIN open_row
    ON
        disabled.relid = open_row.relid
        AND disabled.name = open_row.name
LEFT JOIN pg_class AS relation
    ON coalesce(disabled.relid, open_row.relid) = relation.oid
LEFT JOIN pg_namespace AS namespace
    ON relation.relnamespace = namespace.oid
LEFT JOIN pg_stat_all_tables AS activity
    ON relation.oid = activity.relid;
COMMENT ON VIEW ops.tuning_watchdog IS
'Every table of the database whose autovacuum is off, by whomever, and every open row of the '
'journal. state: held; overdue, past a deadline; orphaned, its run ended without undoing it; '
'foreign, not done by bin/tune; by design, a table of staging. For monitoring: alarm on '
'orphaned and overdue, look at foreign.';
COMMENT ON COLUMN ops.tuning_watchdog.kind IS 'table or system.';
COMMENT ON COLUMN ops.tuning_watchdog.object IS 'The table, or server.';
COMMENT ON COLUMN ops.tuning_watchdog.name IS 'The option or setting.';
COMMENT ON COLUMN ops.tuning_watchdog.value IS 'What it is now.';
COMMENT ON COLUMN ops.tuning_watchdog.state IS 'See the view.';
COMMENT ON COLUMN ops.tuning_watchdog.journal_id IS 'Of ops.tuning_journal; NULL: not ours.';
COMMENT ON COLUMN ops.tuning_watchdog.since IS 'When it was set by bin/tune.';
COMMENT ON COLUMN ops.tuning_watchdog.deadline IS 'After that it is undone.';
COMMENT ON COLUMN ops.tuning_watchdog.pids IS 'Backends of runs that need it.';
COMMENT ON COLUMN ops.tuning_watchdog.last_error IS 'Why the last attempt to undo it failed.';
COMMENT ON COLUMN ops.tuning_watchdog.live_rows IS 'Of the table.';
COMMENT ON COLUMN ops.tuning_watchdog.dead_rows IS 'Of the table.';
COMMENT ON COLUMN ops.tuning_watchdog.last_vacuum IS 'By whomever.';
COMMENT ON COLUMN ops.tuning_watchdog.xid_age IS 'Transactions since it was frozen.';
