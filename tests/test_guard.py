"""While bin/transform --chunk-rows commits, autovacuum stays away, and nothing is left of that."""

from __future__ import annotations

import time

import psycopg
import pytest

from loader import db
from loader.db import Connection, scalar
from tests.support.commands import Commands
from tuning.guard import autovacuum_away

GUARD = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'amo-guard/%'" \
    " AND datname = current_database()"  # fmt: skip


def test_a_sliced_transform_is_guarded(loaded: Commands, connection: Connection, dsn: str) -> None:
    """Vacuum passes by, the horizon is not held back, and kill -9 ends it."""
    connection.execute("DELETE FROM amo.leads")
    connection.execute("INSERT INTO amo.leads (account_id, id) VALUES (1, 1)")
    with db.connect(dsn, command="test") as other, other.transaction(force_rollback=True):
        # The transform has to wait for us in one of its slices.
        other.execute("LOCK TABLE amo.leads IN SHARE ROW EXCLUSIVE MODE")
        process = loaded.start("transform", "--rebuild", "--chunk-rows", "40")
        _wait(connection, "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
              " AND application_name LIKE 'amo-transform/%'")  # fmt: skip

        guard = connection.execute(
            "SELECT backend_xid, backend_xmin, state FROM pg_stat_activity"
            " WHERE application_name LIKE 'amo-guard/%' AND datname = current_database()"
        ).fetchall()
        assert guard == [(None, None, "idle in transaction")]
        # As autovacuum does: a table that is locked is passed by.
        connection.execute("VACUUM (SKIP_LOCKED) amo.contacts")
        assert _vacuums(connection, "contacts") == 0
        # Whoever reads or writes is not concerned.
        connection.execute("SET statement_timeout = '2s'")
        connection.execute("UPDATE amo.contacts SET name = name WHERE false")
        process.kill()
        process.communicate()
        _wait(connection, f"SELECT 1 WHERE ({GUARD}) = 0")
    connection.execute("VACUUM (SKIP_LOCKED) amo.contacts")
    assert _vacuums(connection, "contacts") == 1


def test_it_is_gone_before_the_vacuum_at_the_end(loaded: Commands, connection: Connection) -> None:
    """A transform in slices vacuums what it wrote, as any other."""
    connection.execute("TRUNCATE amo.leads")
    before = _vacuums(connection, "leads")

    loaded.ok("transform", "--rebuild", "--chunk-rows", "40")

    assert _vacuums(connection, "leads") == before + 1
    assert scalar(connection, GUARD) == 0


def test_a_lock_or_a_right_that_is_missing(
    connection: Connection, dsn: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The others are guarded, a warning says what is not, and the work goes on."""
    with db.connect(dsn, command="test") as other, other.transaction():
        other.execute("LOCK TABLE amo.leads IN SHARE UPDATE EXCLUSIVE MODE")
        with autovacuum_away(connection, 0.2) as guarded:
            assert "contacts" in guarded
            assert "leads" not in guarded
    assert "autovacuum is not kept from amo.leads" in caplog.text

    connection.execute("CREATE ROLE guard_reader")
    connection.execute("GRANT USAGE ON SCHEMA ops, amo TO guard_reader")
    connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA ops, amo TO guard_reader")
    as_reader = psycopg.conninfo.make_conninfo(dsn, options="-c role=guard_reader")
    with db.connect(as_reader, command="test") as other, autovacuum_away(other) as guarded:
        assert guarded == []
    assert "permission denied for table" in caplog.text
    connection.execute("DROP OWNED BY guard_reader")
    connection.execute("DROP ROLE guard_reader")


def test_no_second_connection(
    connection: Connection, caplog: pytest.LogCaptureFixture, dsn: str
) -> None:
    """A server that is full costs the guard, not the transform."""
    database = connection.info.dbname
    password = psycopg.conninfo.conninfo_to_dict(dsn).get("password", "")
    connection.execute(
        f"CREATE ROLE one_only LOGIN CONNECTION LIMIT 1 PASSWORD '{password}'".encode()
    )
    connection.execute(f"GRANT CONNECT ON DATABASE {database} TO one_only".encode())
    alone = psycopg.conninfo.make_conninfo(dsn, user="one_only")
    try:
        with (
            db.connect(alone, command="test") as other,
            autovacuum_away(other) as guarded,
        ):
            assert guarded == []
            assert scalar(other, "SELECT 1") == 1
        assert "autovacuum is not kept away: cannot connect to PostgreSQL" in caplog.text
    finally:
        connection.execute("DROP OWNED BY one_only")
        connection.execute("DROP ROLE one_only")


def _vacuums(connection: Connection, table: str) -> int:
    connection.execute("SELECT pg_stat_clear_snapshot()")
    query = "SELECT vacuum_count FROM pg_stat_user_tables WHERE relid = %s::regclass"
    return int(scalar(connection, query, (f"amo.{table}",)))


def _wait(connection: Connection, query: str) -> None:
    deadline = time.monotonic() + 30
    while connection.execute(query.encode()).fetchone() is None:
        assert time.monotonic() < deadline, query
        time.sleep(0.01)
