"""Whatever stops a load, the next one asks only for what is missing."""

from __future__ import annotations

import re
import signal
import time

import psycopg
import pytest

from loader import db, locks
from loader.db import Connection, scalar
from loader.errors import LockedError
from sandbox.process import Sandbox
from tests.support.commands import Commands
from tests.support.servers import Server
from tests.support.waiting import reconnect, start_slow_load, wait_for_pages


@pytest.mark.parametrize("after_pages", [1, 12, 25])
def test_kill_9(
    own_commands: Commands, own_account: Sandbox, connection: Connection, after_pages: int
) -> None:
    """Committed pages are never asked for again; the result is that of a quiet run."""
    load = start_slow_load(own_commands, own_account)
    wait_for_pages(connection, after_pages)
    load.kill()
    load.communicate()
    committed = scalar(connection, "SELECT count(*) FROM ops.pages WHERE status = 'staged'")
    own_account.control("settings", {"latency": "0:0"})
    own_account.control("reset-stats", {})
    time.sleep(0.5)  # the killed client's backends notice within client_connection_check_interval

    summary = own_commands.ok("load", "--json").json

    assert summary["resumed"] is True
    pages = scalar(connection, "SELECT count(*) FROM ops.pages WHERE status = 'staged'")
    streams = len(summary["streams"])
    # The account is always asked; a page in flight at the kill and the ends of lists again.
    assert (
        own_account.stats()["requests"] <= int(str(pages)) - int(str(committed)) + 1 + 2 * streams
    )
    assert scalar(connection, "SELECT count(*) FROM staging.pages") == pages
    own_commands.ok("transform")
    rows = connection.execute("SELECT id FROM amo.leads").fetchall()
    assert sorted(rows) == sorted((n,) for n, _ in own_account.truth("leads"))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_signal(
    own_commands: Commands,
    own_account: Sandbox,
    connection: Connection,
    number: signal.Signals,
    code: int,
) -> None:
    """The pages in flight are finished, the exit code is the signal's, within 10 s."""
    load = start_slow_load(own_commands, own_account)
    wait_for_pages(connection, 5)
    load.send_signal(number)
    _, err = load.communicate(timeout=10)

    assert load.returncode == code
    assert "it continues where this one stopped" in err
    assert scalar(connection, "SELECT status FROM ops.runs") == "interrupted"
    own_account.control("settings", {"latency": "0:0"})
    assert own_commands.ok("load", "--json").json["resumed"] is True


def test_second_start(own_commands: Commands, own_account: Sandbox, connection: Connection) -> None:
    """Two runs cannot overlap; the second one names the first."""
    # It outlasts the two others, however busy the machine is.
    fault = {"kind": "slow", "path": "/api/v4/contacts", "page": 2, "seconds": 60}
    own_account.control("faults", {"fault": fault})
    load = own_commands.start("load")
    wait_for_pages(connection, 2)

    second = own_commands.run("load")
    meanwhile = own_commands.run("transform")

    load.kill()
    load.communicate()
    assert second.code == meanwhile.code == 50
    assert re.search(r"DETAIL: backend pid \d+, amo-load/", second.err)


def test_crash_of_the_server(
    server: Server, own_commands: Commands, own_account: Sandbox, dsn: str
) -> None:
    """The OOM killer ends a backend, the crash empties UNLOGGED staging: only that is repaired."""
    if server.kill is None:
        pytest.skip("AMO_TEST_DSN: its processes are not ours to kill")
    own_commands.ok("load")
    victim = psycopg.connect(dsn)
    server.kill(victim.info.backend_pid)
    victim.close()
    connection = reconnect(dsn)
    assert scalar(connection, "SELECT count(*) FROM staging.pages") == 0

    refused = own_commands.run("transform")
    resumed = own_commands.ok("load", "--json").json
    own_commands.ok("transform")

    assert refused.code == 75
    assert "run bin/load" in refused.err
    assert resumed["resumed"] is True
    assert scalar(connection, "SELECT count(*) FROM amo.leads") == own_account.entities["leads"]
    assert scalar(connection, "SELECT count(*) FROM ops.pages WHERE status = 'lost'") == 0
    connection.close()


def test_server_goes_away_during_a_load(
    server: Server, own_commands: Commands, own_account: Sandbox, dsn: str, connection: Connection
) -> None:
    """Losing PostgreSQL in the middle is an error with a way on, not a traceback."""
    if server.kill is None:
        pytest.skip("AMO_TEST_DSN: its processes are not ours to kill")
    load = start_slow_load(own_commands, own_account)
    wait_for_pages(connection, 5)
    server.kill(connection.info.backend_pid)
    _, err = load.communicate(timeout=60)
    reconnect(dsn).close()
    own_account.control("settings", {"latency": "0:0"})

    assert load.returncode == 56, err
    assert "the connection to PostgreSQL was lost" in err
    assert "Traceback" not in err
    own_commands.ok("load")
    own_commands.ok("transform")


def test_old_unfinished_load_is_not_continued(
    own_commands: Commands, own_account: Sandbox, connection: Connection
) -> None:
    """Tomorrow's nightly job starts from the beginning, --resume insists."""
    load = start_slow_load(own_commands, own_account)
    wait_for_pages(connection, 5)
    load.terminate()
    load.communicate()
    own_account.control("settings", {"latency": "0:0"})
    connection.execute("UPDATE ops.runs SET started_at = started_at - interval '1 day'")

    fresh = own_commands.ok("load", "--json").json

    assert fresh["resumed"] is False
    statuses = connection.execute("SELECT status FROM ops.runs ORDER BY id").fetchall()
    assert statuses == [("abandoned",), ("ok",)]


def test_the_lock_is_given_back(commands: Commands, connection: Connection, dsn: str) -> None:
    """By its holder, not by the end of a session, which the server may notice late."""
    del commands
    with db.connect(dsn, command="load") as first:
        locks.acquire(first, 11111111)
        with pytest.raises(LockedError):
            locks.acquire(connection, 11111111)
        locks.release(first, 11111111)
        locks.acquire(connection, 11111111)
    locks.release(first, 11111111)  # closed: nothing is left to be done
