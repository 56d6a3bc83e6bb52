"""bin/refresh: one line in cron, whatever becomes of the night."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from loader import db
from loader.db import Connection, scalar
from sandbox.process import Sandbox
from tests.conftest import database, for_account
from tests.support.commands import ROOT, Commands
from tests.support.contents import Contents, contents, difference
from tests.support.servers import Server
from tests.support.waiting import reconnect, until, wait_for_pages
from tests.test_tune import all_options, option

CHANGES = {
    "update": {"leads": 20, "contacts": 10},
    "insert": {"leads": 3, "companies": 2},
    "delete": {"leads": 7, "tasks": 2},
}
# After so many answers amoCRM becomes slow, so that a load can be hit in the middle.
SLOWNESS = {"fault": {"kind": "slow", "path": "*", "skip": 15, "seconds": 3}}

# In the middle of what a refresh is hit.
Moment = Callable[[Commands, Sandbox, str], AbstractContextManager[subprocess.Popen[str]]]

RUNS = "SELECT kind, status, refreshed_by IS NOT NULL, exit_code FROM ops.runs ORDER BY id"


def last_run(connection: Connection, kind: str) -> tuple[str, int | None]:
    """Status and exit code."""
    row = connection.execute(
        "SELECT status, exit_code FROM ops.runs WHERE kind = %s ORDER BY id DESC LIMIT 1", (kind,)
    ).fetchone()
    assert row is not None
    return row[0], row[1]


@contextmanager
def loading(commands: Commands, account: Sandbox, dsn: str) -> Iterator[subprocess.Popen[str]]:
    """A refresh in the middle of its load."""
    account.control("faults", SLOWNESS)
    with reconnect(dsn) as connection:
        before = int(scalar(connection, "SELECT count(*) FROM ops.pages"))
        process = commands.start("refresh")
        wait_for_pages(connection, before + 8)
    yield process
    account.control("faults", {"clear": True})


@contextmanager
def transforming(commands: Commands, account: Sandbox, dsn: str) -> Iterator[subprocess.Popen[str]]:
    """A refresh whose transform waits for a lock."""
    del account
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'amo.leads'::regclass"
    with (
        reconnect(dsn) as holder,
        suppress(psycopg.OperationalError),
        holder.transaction(),
    ):
        holder.execute("LOCK TABLE amo.leads IN SHARE ROW EXCLUSIVE MODE")
        process = commands.start("refresh")
        until(lambda: scalar(holder, waiting) == 1)
        yield process


def test_a_quiet_night(first_night: Commands, own_account: Sandbox, connection: Connection) -> None:
    """Silent; what changed has arrived; the parts of the night belong together."""
    own_account.control("mutate", CHANGES)
    runs = len(connection.execute(RUNS).fetchall())

    result = first_night.ok("refresh")

    assert (result.out, result.err) == ("", "")
    assert connection.execute(RUNS).fetchall()[runs:] == [
        ("refresh", "ok", False, 0),
        ("load", "ok", True, 0),
        ("transform", "ok", True, 0),
    ]
    alive = connection.execute("SELECT id FROM amo.leads WHERE deleted_at IS NULL").fetchall()
    assert sorted(alive) == sorted((number,) for number, _ in own_account.truth("leads"))
    assert scalar(connection, "SELECT count(*) FROM staging.pages") == 0
    accounts = "SELECT DISTINCT account_id FROM ops.runs WHERE kind <> 'transform'"
    assert connection.execute(accounts).fetchall() == [(own_account.account_id,)]
    durations = connection.execute(
        "SELECT extract(epoch FROM finished_at - started_at) FROM ops.runs ORDER BY id DESC LIMIT 3"
    ).fetchall()
    assert all(seconds > 0.05 for (seconds,) in durations)


def test_staging_may_be_kept(first_night: Commands, connection: Connection) -> None:
    """--keep-staging: for who wants to look at it, or at bin/tune measure."""
    first_night.ok("refresh", "--keep-staging")

    assert scalar(connection, "SELECT count(*) FROM staging.pages") > 20


def test_metrics_in_every_ending(
    first_night: Commands, own_account: Sandbox, tmp_path: Path
) -> None:
    """AMO_TEXTFILE is written after a good night and after a bad one; its lack is a warning."""
    file = tmp_path / "amo.prom"
    first_night.ok("refresh", AMO_TEXTFILE=str(file))
    good = file.read_text()

    assert first_night.run("refresh", AMO_TEXTFILE=str(file), AMO_ACCESS_TOKEN="no").code == 60

    labels = f'account="{own_account.account_id}",kind="refresh"'
    status = f"amo_loader_last_run_exit_code{{{labels}}}"
    assert f"{status} 0.0" in good
    assert f"{status} 60.0" in file.read_text()
    missing = tmp_path / "missing" / "amo.prom"
    assert "WARNING" in first_night.ok("refresh", AMO_TEXTFILE=str(missing)).err


def test_second_start(first_night: Commands, own_account: Sandbox, dsn: str) -> None:
    """It exits 50, names the first, and changes nothing."""
    with loading(first_night, own_account, dsn) as first:
        second = first_night.run("refresh")
        with reconnect(dsn) as connection:
            assert scalar(connection, "SELECT count(*) FROM ops.runs WHERE kind = 'refresh'") == 1
        first.kill()
        first.communicate()

    assert second.code == 50
    assert "another bin/refresh" in second.err
    assert "amo-refresh/" in second.err


def test_a_stream_that_fails(
    first_night: Commands, own_account: Sandbox, connection: Connection
) -> None:
    """Exit 20 and one report; the other streams are transformed; the next night repairs it."""
    own_account.control("mutate", CHANGES)
    fault = {"kind": "html_200", "path": "/api/v4/leads", "page": 2}
    own_account.control("faults", {"fault": fault})

    result = first_night.run("refresh")

    assert result.code == 20
    lines = result.err.splitlines()
    assert lines[0] == "ERROR [20]: 1 of 38 streams failed: leads"
    assert [line.split(":")[0] for line in lines] == ["ERROR [20]", "DETAIL", "DETAIL", "HINT"]
    assert "safe: everything else is loaded, and transformed" in lines[2]
    assert "bin/load --stream leads && bin/transform" in lines[3]
    contacts = "SELECT count(*) FROM amo.contacts WHERE changed_at > now() - interval '1 minute'"
    assert scalar(connection, contacts) >= 10
    assert last_run(connection, "refresh") == ("partial", 20)

    own_account.control("faults", {"clear": True})
    first_night.ok("refresh")

    alive = connection.execute("SELECT id FROM amo.leads WHERE deleted_at IS NULL").fetchall()
    assert sorted(alive) == sorted((number,) for number, _ in own_account.truth("leads"))


def test_a_token_that_is_refused(first_night: Commands, connection: Connection) -> None:
    """Exit 60; the report says how old the tables are."""
    result = first_night.run("refresh", AMO_ACCESS_TOKEN="revoked")

    assert result.code == 60
    at = scalar(
        connection,
        "SELECT to_char(max(finished_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI UTC')"
        " FROM ops.runs WHERE kind = 'transform'",
    )
    assert f"DETAIL: safe: amo.* and mart.* are as of {at}" in result.err
    assert last_run(connection, "refresh") == ("failed", 60)


def test_too_many_vanished(
    first_night: Commands, own_account: Sandbox, connection: Connection
) -> None:
    """Exit 22: nothing is marked in that stream, all else is done."""
    own_account.control("mutate", {"delete": {"tasks": 100}, "update": {"leads": 5}})

    result = first_night.run("refresh")

    assert result.code == 22
    assert scalar(connection, "SELECT count(*) FROM amo.tasks WHERE deleted_at IS NOT NULL") == 0
    assert last_run(connection, "transform") == ("ok", 0)
    assert last_run(connection, "refresh") == ("partial", 22)

    first_night.ok("refresh", "--max-delete-pct", "100")
    assert scalar(connection, "SELECT count(*) FROM amo.tasks WHERE deleted_at IS NOT NULL") == 100


@pytest.mark.parametrize("moment", [loading, transforming])
def test_a_signal(
    first_night: Commands,
    own_account: Sandbox,
    connection: Connection,
    dsn: str,
    moment: Moment,
) -> None:
    """SIGTERM: 143 within seconds, the statement ends on the server, and nothing is left open."""
    with moment(first_night, own_account, dsn) as process:
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=10)

    assert process.returncode == 143
    if moment is loading:
        assert re.search("safe: [0-9]+ pages of load", err)
    else:
        assert re.search("safe: load [0-9]+ waits in staging", err)
        assert last_run(connection, "transform") == ("interrupted", None)
    assert last_run(connection, "refresh") == ("interrupted", 143)
    ours = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'amo-_%'"
    own = " AND datname = current_database() AND pid <> pg_backend_pid()"
    until(lambda: scalar(connection, ours + own) == 0)


def test_a_backend_that_is_terminated(
    first_night: Commands, own_account: Sandbox, connection: Connection, dsn: str
) -> None:
    """Is no signal: DETAIL and the ledger say what PostgreSQL said."""
    with transforming(first_night, own_account, dsn) as process:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name LIKE 'amo-transform/%'"
        )
        _, err = process.communicate(timeout=30)

    assert process.returncode == 56
    assert "terminating connection due to administrator command" in err
    assert last_run(connection, "transform") == ("failed", 56)


@pytest.fixture
def quiet(
    server: Server, first_night_template: str, own_account: Sandbox
) -> Iterator[tuple[Sandbox, Contents]]:
    """The account with changes, and what the tables hold after a night that nobody disturbed."""
    own_account.control("mutate", CHANGES)
    with database(server, f"{first_night_template}_quiet", first_night_template) as dsn:
        for_account(dsn, own_account).ok("refresh")
        with db.connect(dsn, command="test") as connection:
            yield own_account, contents(connection)


@pytest.mark.parametrize("moment", [loading, transforming])
@pytest.mark.parametrize("how", ["kill -9", "crash"])
def test_what_a_kill_leaves_the_next_night_repairs(
    quiet: tuple[Sandbox, Contents],
    first_night: Commands,
    server: Server,
    dsn: str,
    moment: Moment,
    how: str,
) -> None:
    """Killed or with its server crashed, in the load or in the transform: the tables are equal."""
    account, expected = quiet
    if how == "crash" and server.kill is None:
        pytest.skip("AMO_TEST_DSN: its processes are not ours to kill")
    with db.connect(dsn, command="test") as connection:
        connection.execute("CHECKPOINT")
    with moment(first_night, account, dsn) as process:
        if how == "kill -9":
            process.kill()
        else:
            assert server.kill is not None
            with db.connect(dsn, command="test") as connection:
                backends = "application_name LIKE 'amo-refresh%' AND datname = current_database()"
                pid = scalar(connection, f"SELECT pid FROM pg_stat_activity WHERE {backends}")
                server.kill(int(pid))
            account.control("faults", {"clear": True})
        process.communicate(timeout=60)
        assert process.returncode != 0

    with reconnect(dsn) as connection:
        others = (
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        until(lambda: scalar(connection, others) == 0)
        first_night.ok("refresh")

        assert difference(expected, contents(connection)) == {}
        left = "SELECT count(*) FROM ops.runs WHERE status = 'running'"
        assert scalar(connection, left) == 0
        assert last_run(connection, "refresh") == ("ok", 0)


@pytest.fixture
def large(connection: Connection, first_night: Commands) -> Commands:
    """amo.leads looks as if it were worth it."""
    connection.execute("UPDATE pg_class SET reltuples = 2000000 WHERE oid = 'amo.leads'::regclass")
    return first_night


def test_persistent_settings_come_back(
    large: Commands, own_account: Sandbox, connection: Connection, dsn: str
) -> None:
    """--persistent: autovacuum is off on the large table only, and only meanwhile."""
    before = all_options(connection)
    own_account.control("faults", SLOWNESS)
    process = large.start("refresh", "--persistent")
    until(lambda: option(connection, "leads") == "no")

    assert option(connection, "contacts") is None
    own_account.control("faults", {"clear": True})
    process.kill()
    process.communicate()
    assert option(connection, "leads") == "no"

    large.ok("refresh")
    assert all_options(connection) == before

    connection.execute("UPDATE pg_class SET reltuples = 2000000 WHERE oid = 'amo.leads'::regclass")
    large.ok("refresh", "--persistent")
    assert all_options(connection) == before
    outcomes = connection.execute("SELECT name, outcome FROM ops.tuning_journal").fetchall()
    assert outcomes == [("autovacuum_enabled", "restored")] * 2
    del dsn


def test_wrong_calls(commands: Commands) -> None:
    """Exit 2 before anything is connected to."""
    for arguments, environment, word in (
        (["--system"], {}, "--persistent"),
        ([], {"AMO_KEEP_RUNS_DAYS": "soon"}, "AMO_KEEP_RUNS_DAYS"),
        ([], {"AMO_KEEP_PAGES_DAYS": "0"}, "AMO_KEEP_PAGES_DAYS"),
        (["--max-delete-pct", "101"], {}, "--max-delete-pct"),
        (["--max-delete-pct", "nan"], {}, "--max-delete-pct"),
        (["now"], {}, "now"),
        ([], {"AMO_BASE_URL": ""}, "AMO_BASE_URL"),
    ):
        result = commands.run("refresh", *arguments, **environment)

        assert result.code == 2, arguments
        assert word in result.err


def test_settings_of_the_database_and_of_libpq(
    first_night: Commands, connection: Connection
) -> None:
    """Neither changes what is read or shown: times are UTC, and no statement is cut off."""
    settings = {
        "datestyle": "SQL, DMY",
        "intervalstyle": "iso_8601",
        "transaction_timeout": "200ms",
    }
    if connection.info.server_version < 170000:
        del settings["transaction_timeout"]
    for name, value in settings.items():
        connection.execute(
            sql.SQL("ALTER DATABASE {} SET {} = {}").format(
                sql.Identifier(connection.info.dbname), sql.Identifier(name), sql.Literal(value)
            )
        )
    libpq = {"PGTZ": "Asia/Tokyo", "PGDATESTYLE": "German"}
    for environment in ({}, libpq):
        assert first_night.ok("refresh", **environment).err == ""
        document = first_night.ok("status", "--json", **environment).json
        assert document["now"].endswith("+00:00")
        assert document["streams"][0]["age"] < 600
        first_night.ok("report", "--json", **environment)


@pytest.mark.parametrize("stderr", ["2>&-", "2>/dev/full"])
def test_nobody_can_be_told(commands: Commands, stderr: str) -> None:
    """A night whose words are lost is a night all the same, and its exit code is right."""
    shell = ["sh", "-c", f'"$0" "$@" {stderr}', str(ROOT / "bin" / "refresh"), "-v"]
    for token, code in ((None, 0), ("refused", 60)):
        environment = commands.full_environment(**({"AMO_ACCESS_TOKEN": token} if token else {}))
        assert subprocess.run(shell, env=environment, check=False).returncode == code


def test_a_full_disk_behind_stdout(loaded: Commands) -> None:
    """Is no traceback, and no exit 1, which says that the data is old."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [ROOT / "bin" / "status", "--json"],
            env=loaded.full_environment(), stdout=full, stderr=subprocess.PIPE, check=False,
        )  # fmt: skip
    assert done.returncode == 75
    assert done.stderr.startswith(b"ERROR [75]: the output cannot be written")


def test_a_first_night_that_failed_is_over(commands: Commands) -> None:
    """Its account was not known yet: it is no other one, whose alarm would never end."""
    assert commands.run("refresh", AMO_ACCESS_TOKEN="no").code == 60
    first = commands.ok("status", "--json").json["runs"]
    commands.ok("refresh")

    assert [(run["account_id"], run["exit_code"]) for run in first] == [(None, 60)]
    runs = commands.ok("status", "--json").json["runs"]
    assert [(run["kind"], run["exit_code"]) for run in runs] == [
        ("refresh", 0), ("load", 0), ("transform", 0),
    ]  # fmt: skip
