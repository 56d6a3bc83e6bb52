"""bin/tune apply, revert, status: what was there comes back, and nothing is left behind."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from loader import db
from loader.db import Connection, scalar
from tests.support.commands import Commands
from tests.support.servers import Server
from tuning import plan, revert
from tuning.plan import Wanted
from tuning.run import tuned

LEADS = Wanted(("leads",))


def option(connection: Connection, table: str, name: str = "autovacuum_enabled") -> str | None:
    """As it was typed; None where it is not set."""
    value = scalar(connection, "SELECT ops.table_option(%s::regclass, %s)", (f"amo.{table}", name))
    return None if value is None else str(value)


def all_options(connection: Connection) -> list[tuple[Any, ...]]:
    """Storage options of all tables of the database, TOAST included."""
    return connection.execute(
        "SELECT oid::regclass::text, ARRAY(SELECT unnest(reloptions) ORDER BY 1) FROM pg_class"
        " WHERE reloptions IS NOT NULL ORDER BY oid"
    ).fetchall()


def outcomes(result: Any) -> dict[tuple[str, str], str]:
    return {(one["object"], one["name"]): one["outcome"] for one in result["changes"]}


def test_apply_and_revert_leave_every_option_as_it_was(
    commands: Commands, connection: Connection
) -> None:
    """Unset is not the same as on; TOAST only where it has a value of its own."""
    connection.execute("ALTER TABLE amo.leads SET (autovacuum_enabled = on, fillfactor = 90)")
    connection.execute("ALTER TABLE amo.notes SET (toast.autovacuum_enabled = true)")
    connection.execute("ALTER TABLE amo.tasks SET (autovacuum_enabled = off)")
    before = all_options(connection)

    applied = commands.ok("tune", "apply", "--json").json

    assert option(connection, "leads") == option(connection, "contacts") == "no"
    assert option(connection, "notes", "toast.autovacuum_enabled") == "no"
    assert option(connection, "contacts", "toast.autovacuum_enabled") is None
    found = outcomes(applied)
    assert found.pop(("amo.tasks", "autovacuum_enabled")) == "skipped"
    assert set(found.values()) == {"applied"}
    tables = "SELECT count(*) + 1 FROM pg_tables WHERE schemaname = 'amo'"
    assert len(applied["changes"]) == scalar(connection, tables)

    reverted = commands.ok("tune", "revert", "--json").json

    assert all_options(connection) == before
    assert set(outcomes(reverted).values()) == {"restored"}
    assert commands.ok("tune", "revert", "--json").json["changes"] == []


def test_dry_run_says_what_apply_does(commands: Commands, connection: Connection) -> None:
    """The same statements, and nothing is changed."""
    arguments = ("tune", "apply", "--table", "leads", "--table", "notes", "--json")
    before = all_options(connection)

    planned = commands.ok(*arguments, "--dry-run").json

    assert all_options(connection) == before
    assert scalar(connection, "SELECT count(*) FROM ops.tuning_journal") == 0
    applied = commands.ok(*arguments).json
    statements = [[one["statement"] for one in run["changes"]] for run in (planned, applied)]
    assert statements[0] == statements[1]
    assert statements[0][0] == 'ALTER TABLE "amo"."leads" SET (autovacuum_enabled = \'no\')'
    assert option(connection, "leads") == "no"
    would = commands.ok("tune", "revert", "--dry-run", "--json").json
    assert option(connection, "leads") == "no"
    reverted = commands.ok("tune", "revert", "--json").json
    assert [one["statement"] for one in would["changes"]] == [
        one["statement"] for one in reverted["changes"]
    ]


@pytest.mark.parametrize("value", ["on", "off", "false", None])
def test_what_somebody_changed_meanwhile_is_kept(
    commands: Commands, connection: Connection, value: str | None
) -> None:
    """Also the same meaning in another spelling, and also no value at all."""
    commands.ok("tune", "apply", "--table", "leads")
    change = f"SET (autovacuum_enabled = {value})" if value else "RESET (autovacuum_enabled)"
    connection.execute(f"ALTER TABLE amo.leads {change}".encode())

    reverted = commands.ok("tune", "revert", "--json").json

    assert outcomes(reverted) == {("amo.leads", "autovacuum_enabled"): "skipped_changed"}
    assert option(connection, "leads") == value


def test_revert_vacuums(commands: Commands, connection: Connection) -> None:
    """Autovacuum is not left with what piled up."""
    connection.execute("INSERT INTO amo.leads (account_id, id) VALUES (1, 1)")
    commands.ok("tune", "apply", "--table", "leads")

    commands.ok("tune", "revert")

    connection.execute("SELECT pg_stat_clear_snapshot()")
    vacuums = (
        "SELECT vacuum_count, analyze_count FROM pg_stat_user_tables"
        " WHERE relid = 'amo.leads'::regclass"
    )
    assert connection.execute(vacuums).fetchone() == (1, 1)


@contextmanager
def held(connection: Connection, wanted: Wanted = LEADS) -> Iterator[None]:
    with tuned(connection, wanted):
        yield


@pytest.mark.parametrize("first_ends", [0, 1])
def test_two_runs_end_in_either_order(dsn: str, connection: Connection, first_ends: int) -> None:
    """The last one to leave undoes it, to what was there before the first one."""
    connection.execute("ALTER TABLE amo.leads SET (autovacuum_enabled = true)")
    with db.connect(dsn, command="test") as one, db.connect(dsn, command="test") as two:
        runs = [held(one), held(two)]
        for run in runs:
            run.__enter__()
        runs.pop(first_ends).__exit__(None, None, None)
        assert option(connection, "leads") == "no"
        runs.pop().__exit__(None, None, None)

    assert option(connection, "leads") == "true"
    assert scalar(connection, "SELECT count(*) FROM ops.tuning_holders") == 0


def test_a_person_and_a_run(commands: Commands, dsn: str, connection: Connection) -> None:
    """bin/tune revert does not take it from a run that is alive; a run not from a person."""
    with db.connect(dsn, command="test") as other:
        with held(other):
            commands.ok("tune", "apply", "--table", "leads")
            reverted = commands.ok("tune", "revert", "--json").json
            assert outcomes(reverted) == {("amo.leads", "autovacuum_enabled"): "held"}
            pid = other.info.backend_pid
            assert reverted["changes"][0]["detail"] == f"needed by backend pid {pid}"
        assert option(connection, "leads") is None

        commands.ok("tune", "apply", "--table", "leads")
        with held(other):
            pass
    assert option(connection, "leads") == "no"
    commands.ok("tune", "status")
    commands.ok("tune", "revert")
    assert option(connection, "leads") is None


def test_small_tables_are_left_alone(commands: Commands, connection: Connection) -> None:
    """Where it does not pay, as the nightly job has it."""
    connection.execute("INSERT INTO amo.leads (account_id, id) SELECT 1, generate_series(1, 50)")
    connection.execute("ANALYZE amo.leads")

    found = outcomes(commands.ok("tune", "apply", "--min-rows", "50", "--json").json)

    assert found.pop(("amo.leads", "autovacuum_enabled")) == "applied"
    assert set(found.values()) == {"skipped"}


def test_dropped_and_renamed_tables(commands: Commands, connection: Connection) -> None:
    """One is gone; the other one is found by its OID; a new one of an old name is not touched."""
    commands.ok("tune", "apply", "--table", "talks", "--table", "files", "--table", "tags")
    connection.execute("DROP TABLE amo.talks CASCADE")
    assert states(commands, 0)["amo.talks"] == "held"
    connection.execute("ALTER TABLE amo.files RENAME TO old_files")
    connection.execute("DROP TABLE amo.tags CASCADE")
    connection.execute("CREATE TABLE amo.tags (id int) WITH (autovacuum_enabled = off)")

    found = outcomes(commands.ok("tune", "revert", "--json").json)

    assert found == {
        ("amo.files", "autovacuum_enabled"): "restored",
        ("amo.tags", "autovacuum_enabled"): "object_gone",
        ("amo.talks", "autovacuum_enabled"): "object_gone",
    }
    assert option(connection, "old_files") is None
    assert option(connection, "tags") == "off"


def test_a_dump_that_was_restored(commands: Commands, connection: Connection) -> None:
    """Option and journal came along, the OID did not: it is found by its name."""
    commands.ok("tune", "apply", "--table", "leads")
    # What pg_restore makes of it: the same table under another OID.
    connection.execute("ALTER TABLE amo.leads RENAME TO old_leads")
    connection.execute("CREATE TABLE amo.leads (id int) WITH (autovacuum_enabled = no)")
    connection.execute("DROP TABLE amo.old_leads CASCADE")

    found = outcomes(commands.ok("tune", "revert", "--json").json)

    assert found == {("amo.leads", "autovacuum_enabled"): "restored"}
    assert option(connection, "leads") is None


def test_busy_tables(commands: Commands, dsn: str, connection: Connection) -> None:
    """A lock that does not come costs that table only, some patience, and exit 75."""
    apply = ("tune", "apply", "--table", "leads", "--table", "tasks", "--patience", "0.3")
    with db.connect(dsn, command="test") as other:
        with other.transaction():
            other.execute("LOCK TABLE amo.leads IN SHARE UPDATE EXCLUSIVE MODE")
            result = commands.run(*apply, "--json")
            assert result.code == 75, result.err
            assert list(outcomes(result.json).values()) == ["busy", "applied"]
            assert option(connection, "leads") is None
        commands.ok(*apply)
        with other.transaction():
            other.execute("LOCK TABLE amo.leads IN SHARE UPDATE EXCLUSIVE MODE")
            result = commands.run("tune", "revert", "--patience", "0.3", "--json")
            assert result.code == 75, result.err
            assert list(outcomes(result.json).values()) == ["busy", "restored"]
            assert "canceling statement due to lock timeout" in result.err
    assert option(connection, "leads") == "no"
    error = scalar(connection, "SELECT last_error FROM ops.tuning_journal WHERE closed_at IS NULL")
    assert "lock timeout" in error
    commands.ok("tune", "revert")
    assert option(connection, "leads") is None


@pytest.fixture
def reader(server: Server, dsn: str, connection: Connection) -> Iterator[str]:
    """Connection string of a role that reads the ledgers and owns nothing."""
    connection.execute("CREATE ROLE tune_reader LOGIN")
    connection.execute("GRANT USAGE ON SCHEMA ops, amo TO tune_reader")
    connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA ops, amo TO tune_reader")
    connection.execute("GRANT INSERT, UPDATE, DELETE ON ops.tuning_journal, ops.tuning_holders"
                       " TO tune_reader")  # fmt: skip
    yield psycopg.conninfo.make_conninfo(dsn, options="-c role=tune_reader")
    connection.execute("DROP OWNED BY tune_reader")
    connection.execute("DROP ROLE tune_reader")


def test_not_the_owner(commands: Commands, connection: Connection, reader: str) -> None:
    """Refused before anything is changed, in words; a revert says so and stays open."""
    result = commands.run("tune", "apply", "--table", "leads", AMO_DSN=reader)
    assert result.code == 2
    assert "DETAIL: autovacuum_enabled of amo.leads: refused (not owned by this role)" in result.err
    assert "HINT: " in result.err
    assert option(connection, "leads") is None

    commands.ok("tune", "apply", "--table", "leads")
    result = commands.run("tune", "revert", AMO_DSN=reader)
    assert result.code == 3
    assert "permission denied for table leads" in result.err
    assert option(connection, "leads") == "no"


def test_near_wraparound(commands: Commands, connection: Connection) -> None:
    """Nobody should hold vacuum back half way to the one that the server forces."""
    connection.execute("ALTER TABLE amo.leads SET (autovacuum_freeze_max_age = 100000)")
    connection.execute(
        "CREATE TEMPORARY TABLE burnt (x int); DO $$ BEGIN FOR i IN 1..50100 LOOP"
        " BEGIN INSERT INTO burnt VALUES (i); EXCEPTION WHEN OTHERS THEN NULL; END;"
        " END LOOP; END $$"
    )

    result = commands.run("tune", "apply", "--table", "leads", "--table", "tasks")

    assert result.code == 2
    assert "of the way to the vacuum against wraparound" in result.err
    assert option(connection, "tasks") is None
    with held(connection, Wanted(("leads", "tasks"))):
        # A job takes what is left.
        assert (option(connection, "leads"), option(connection, "tasks")) == (None, "no")
    connection.execute("VACUUM (FREEZE) amo.leads")
    commands.ok("tune", "apply", "--table", "leads")


def states(commands: Commands, code: int) -> dict[str, str]:
    result = commands.run("tune", "status", "--json")
    assert result.code == code, result.err
    return {
        one["object"]: one["state"]
        for one in result.json["settings"]
        if one["state"] != "by design"
    }


def test_status(commands: Commands, dsn: str, connection: Connection) -> None:
    """All tables whose autovacuum is off; exit 2 for what nobody needs any more."""
    assert states(commands, 0) == {}
    connection.execute("CREATE TABLE public.theirs () WITH (autovacuum_enabled = off)")
    commands.ok("tune", "apply", "--table", "leads")
    with db.connect(dsn, command="test") as other:
        run = held(other, Wanted(("tasks",)))
        run.__enter__()
        expected = {"amo.leads": "held", "amo.tasks": "held", "public.theirs": "foreign"}
        assert states(commands, 0) == expected
        connection.execute("UPDATE ops.tuning_holders SET deadline = now() WHERE pid IS NULL")
        assert states(commands, 2) == expected | {"amo.leads": "overdue"}
    # Its session ended without undoing it.
    assert states(commands, 2) == expected | {"amo.leads": "overdue", "amo.tasks": "orphaned"}
    assert "HINT: bin/tune revert" in commands.run("tune", "status").err

    commands.ok("transform")

    assert states(commands, 0) == {"public.theirs": "foreign"}


def test_an_empty_database_stays_empty(empty_dsn: str) -> None:
    """A look changes nothing."""
    assert Commands({"AMO_DSN": empty_dsn}).run("tune", "status").code == 58
    with db.connect(empty_dsn, command="test") as connection:
        assert scalar(connection, "SELECT to_regnamespace('ops')") is None


def test_a_load_undoes_what_is_left_and_never_fails(
    commands: Commands, dsn: str, connection: Connection
) -> None:
    """The recovery at its start; a lock in its way is a warning."""
    with db.connect(dsn, command="test") as other:
        run = held(other)
        run.__enter__()
    with db.connect(dsn, command="test") as other, other.transaction():
        other.execute("LOCK TABLE amo.leads IN SHARE UPDATE EXCLUSIVE MODE")
        assert "lock timeout" in commands.ok("load", "--stream", "users").err
        assert option(connection, "leads") == "no"

    commands.ok("load", "--stream", "users")

    assert option(connection, "leads") is None


def test_apply_never_fails_a_run(dsn: str, connection: Connection) -> None:
    """What cannot be tuned is let be."""
    with pytest.raises(ZeroDivisionError), tuned(connection, Wanted(("no_such_table",))):
        raise ZeroDivisionError
    with tuned(connection, LEADS):
        assert option(connection, "leads") == "no"
        connection.execute("DROP TABLE amo.leads CASCADE")


def test_the_view_of_targets_reads_the_table(connection: Connection) -> None:
    """Names, options and their absence."""
    connection.execute("ALTER TABLE amo.leads SET (autovacuum_enabled = on)")
    changes = {one.object: one for one in plan.make(connection, Wanted())}

    assert changes["amo.leads"].before == "on"
    assert changes["amo.contacts"].before is None
    assert revert.would(connection, revert.Leaving()) == []


def test_sessions_notice_the_end_of_a_client(connection: Connection, server: Server) -> None:
    """Connection options as facts/tuning.md 3.1 wants them, keepalives on both ends."""
    names = ("client_connection_check_interval", "lock_timeout", "jit")
    shown = [scalar(connection, "SELECT current_setting(%s)", (name,)) for name in names]
    assert shown == ["2s", "5s", "off"]
    parameters = connection.info.get_parameters()
    assert parameters["tcp_user_timeout"] == "60000"
    for name in ("tcp_keepalives_idle=10", "tcp_keepalives_count=3", "tcp_user_timeout=60s"):
        assert f"-c {name}" in parameters["options"]


def test_a_second_connection_goes_where_the_first_is(connection: Connection) -> None:
    with db.beside(connection, command="guard") as other:
        assert other.info.dbname == connection.info.dbname
        name = scalar(other, "SELECT current_setting('application_name')")
        assert name.startswith("amo-guard/")
        assert scalar(other, "SELECT current_setting('client_connection_check_interval')") == "2s"
