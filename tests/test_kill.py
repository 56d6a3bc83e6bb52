"""Killed at whatever moment, as often as you like: all tables end up as after a quiet night."""

from __future__ import annotations

import os
import random
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import psycopg
import pytest

from loader import db
from loader.db import Connection, scalar
from sandbox import process
from sandbox.process import Sandbox
from tests.conftest import database, for_account
from tests.support.asked import Request, asked, committed
from tests.support.commands import Commands
from tests.support.contents import Contents, contents, difference
from tests.support.servers import Server
from tests.support.waiting import reconnect

ACCOUNT = ("--companies", "150", "--seed", "7", "--poison", "3", "--latency", "0:0.05")

# What happened in amoCRM between the first night and the second.
CHANGES = {
    "update": {"leads": 20, "contacts": 10, "tasks": 5},
    "insert": {"leads": 3, "companies": 2, "leads/notes": 4},
    "delete": {"leads": 7, "contacts": 3, "tasks": 2},
    "restore": {"leads": 1},
    "merge": {"companies": 2},
}

# A night, and what hits its commands before they may finish. kill: SIGKILL of the command.
# crash: SIGKILL of one of its backends, which takes the server down and empties staging.
PLANS = (
    "first: kill load, kill load, kill transform",
    "first: kill load, crash load, kill load",
    "first: kill load, crash transform, kill load",
    "second: kill load, kill load",
    "second: kill load, kill transform, kill transform",
    "second: crash load, kill load, crash transform",
)
# The moments are drawn by chance. More of them: AMO_TEST_SEEDS=20 bin/test tests/test_kill.py
SEEDS = range(int(os.environ.get("AMO_TEST_SEEDS", "1")))

PATIENCE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Night:
    """A night that nothing disturbed, and the account that it read."""

    account: Sandbox
    before: str  # the database before it
    after: str
    pages: frozenset[Request]  # what a load must ask for at least
    expected: Contents


@pytest.fixture(scope="module")
def first(server: Server, template: str) -> Iterator[Night]:
    """The first night of an account."""
    with process.start(*ACCOUNT) as account, _quiet(server, template, account) as night:
        yield night


@pytest.fixture(scope="module")
def second(server: Server, first: Night) -> Iterator[Night]:
    """The next night, before which much was changed and deleted."""
    with process.start(*ACCOUNT) as account:
        account.control("mutate", CHANGES)
        with _quiet(server, first.after, account) as night:
            yield night


@contextmanager
def _quiet(server: Server, before: str, account: Sandbox) -> Iterator[Night]:
    after = f"{before}_quiet"
    with database(server, after, before) as dsn:
        commands = for_account(dsn, account)
        commands.ok("load")
        with db.connect(dsn, command="test") as connection:
            pages = frozenset(committed(connection))
            commands.ok("transform")
            expected = contents(connection)
        # Else "never asked for again" would be said of requests that nobody ever sends.
        assert pages <= asked(account)
        yield Night(account, before, after, pages, expected)


@dataclass(slots=True)
class Scene:
    """A night that is being disturbed, in a database of its own."""

    night: Night
    server: Server
    dsn: str
    chance: random.Random
    is_loaded: bool = False

    @property
    def commands(self) -> Commands:
        return for_account(self.dsn, self.night.account)

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """To a server that is up, once the backends of whatever was killed have ended."""
        with reconnect(self.dsn) as connection:
            others = (
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
            _wait(lambda: scalar(connection, others) == 0)
            yield connection

    def kill_load(self) -> None:
        """SIGKILL; bin/load is one process, so its group is hit as a whole."""
        with self._load_that_cannot_end(silence_seconds=600) as load:
            load.kill()

    def crash_load(self) -> None:
        """The server goes down under a load; the load says so and ends."""
        with self._load_that_cannot_end(silence_seconds=5) as load:
            self._crash("application_name LIKE 'amo-load%'")
            self.night.account.control("faults", {"clear": True})
            _, err = load.communicate(timeout=PATIENCE_SECONDS)
        assert load.returncode == 56, err

    def kill_transform(self) -> None:
        """SIGKILL at one of the tables."""
        with self._transform_that_waits() as transform:
            transform.kill()

    def crash_transform(self) -> None:
        """The server goes down under a transform, and the pages with it."""
        with self._transform_that_waits() as transform:
            self._crash("wait_event_type = 'Lock'")
            _, err = transform.communicate(timeout=PATIENCE_SECONDS)
        assert transform.returncode == 56, err
        self.is_loaded = False
        reconnect(self.dsn).close()
        assert self.commands.run("transform").code == 75

    def finish(self) -> None:
        """Let the night end."""
        self._finish_load()
        self.commands.ok("transform")

    def _finish_load(self) -> None:
        """Only what was lost is asked for."""
        if self.is_loaded:
            return
        with self.connection() as connection:
            kept = committed(connection)
        self.night.account.control("reset-stats", {})
        self.commands.ok("load")
        assert kept & asked(self.night.account) == set()
        self.is_loaded = True

    @contextmanager
    def _load_that_cannot_end(self, silence_seconds: float) -> Iterator[subprocess.Popen[str]]:
        """After some of the requests that it must send, amoCRM answers no more: kill it now."""
        account = self.night.account
        with self.connection() as connection:
            left = len(self.night.pages - committed(connection))
        answered = self.chance.randrange(left)
        fault = {"kind": "slow", "path": "*", "skip": answered, "seconds": silence_seconds}
        account.control("faults", {"fault": fault})
        account.control("reset-stats", {})
        with self.commands.start("load") as load:
            _wait(lambda: account.stats()["requests"] >= answered, load)
            # The last answers are on their way into the database.
            time.sleep(self.chance.uniform(0, 0.3))
            yield load
            load.communicate(timeout=PATIENCE_SECONDS)
        account.control("faults", {"clear": True})
        self.is_loaded = False

    @contextmanager
    def _transform_that_waits(self) -> Iterator[subprocess.Popen[str]]:
        """Somewhere in its transaction it waits for a lock on one of the tables: kill it now."""
        self._finish_load()
        table = self.chance.choice([name for name in self.night.expected if name != "ops.rejects"])
        waiting = (
            "SELECT count(*) FROM pg_locks WHERE NOT granted"
            f" AND relation = '{table}'::regclass AND database ="
            " (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        with self.connection() as holder, suppress(psycopg.OperationalError), holder.transaction():
            holder.execute(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE".encode())
            with self.commands.start("transform") as transform:
                _wait(lambda: scalar(holder, waiting) == 1, transform)
                yield transform
                transform.communicate(timeout=PATIENCE_SECONDS)

    def _crash(self, which: str) -> None:
        """Returns when the server has noticed: all connections are gone then."""
        assert self.server.kill is not None
        query = (
            "SELECT min(pid) FROM pg_stat_activity WHERE datname = current_database()"
            f" AND pid <> pg_backend_pid() AND {which}"
        )
        with (
            suppress(psycopg.OperationalError),
            db.connect(self.dsn, command="test") as connection,
        ):
            _wait(lambda: scalar(connection, query) is not None)
            self.server.kill(int(str(scalar(connection, query))))
            _wait(lambda: scalar(connection, "SELECT 1") is None)


def _wait(condition: Callable[[], bool], command: subprocess.Popen[str] | None = None) -> None:
    """Until it is so; the command must not have ended by then."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert command is None or command.poll() is None, command.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("plan", PLANS)
def test_a_disturbed_night_ends_as_a_quiet_one(
    request: pytest.FixtureRequest, server: Server, plan: str, seed: int
) -> None:
    """Every row of every table, and no page that was committed is asked for again."""
    when, _, hits = plan.partition(": ")
    if "crash" in hits and server.kill is None:
        pytest.skip("AMO_TEST_DSN: its processes are not ours to kill")
    night: Night = request.getfixturevalue(when)
    with database(server, f"amo_kill_{os.getpid()}", night.before) as dsn:
        scene = Scene(night, server, dsn, random.Random(f"{plan} {seed}"))  # noqa: S311
        with scene.connection() as connection:
            # A copied sequence gives numbers again after a crash before the first checkpoint:
            # that they are used up was logged for the original only.
            connection.execute("CHECKPOINT")
        for hit in hits.split(", "):
            getattr(scene, hit.replace(" ", "_"))()
        scene.finish()

        with scene.connection() as connection:
            assert difference(night.expected, contents(connection)) == {}


def test_the_comparison_sees_every_table(first: Night, second: Night) -> None:
    """A quiet night leaves few tables empty, and two nights differ where they should."""
    empty = {table for table, rows in first.expected.items() if not rows}
    changed = set(difference(first.expected, second.expected))

    # Read, or kept, only when asked for.
    assert empty == {"amo.files", "amo.talks", "amo.document_versions"}
    assert changed >= {"amo.documents", "amo.leads", "amo.contacts", "amo.companies", "amo.tasks"}
