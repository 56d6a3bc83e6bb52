-- Purpose: one pace of requests for all processes that ask the same account.
-- Writes:  ops.pace
-- Re-run:  safe; what exists is kept.

-- The only UNLOGGED table outside staging: what a crash of the server empties is the last
-- second, and nobody asked amoCRM while the server was down.
-- The page is pruned by the updates themselves (HOT, no index but the key), so autovacuum is
-- for the case that a long transaction kept old versions alive; nobody needs statistics.
CREATE UNLOGGED TABLE IF NOT EXISTS ops.pace (
    host text NOT NULL,
    next_at timestamptz NOT NULL,
    slow_until timestamptz,
    CONSTRAINT pace_pkey PRIMARY KEY (host)
) WITH (
    fillfactor = 50,
    autovacuum_vacuum_threshold = 10000,
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_analyze_threshold = 2147483647
);
COMMENT ON TABLE ops.pace IS
'When amoCRM may be asked next, one row per account; shared by all processes of this database. '
'Disposable: DELETE FROM ops.pace at any time.';
COMMENT ON COLUMN ops.pace.host IS
'host[:port] of AMO_BASE_URL: the id of the account is not known before the first request.';
COMMENT ON COLUMN ops.pace.next_at IS
'The next free turn, by the clock of this server; who takes it moves it on by its own interval.';
COMMENT ON COLUMN ops.pace.slow_until IS
'After a 429 every request takes two turns until then.';
