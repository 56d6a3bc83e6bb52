"""One server and one migrated template a worker, one database a test."""

from __future__ import annotations

import itertools
import os
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
import pytest
from psycopg import sql

from loader import db, migrate
from loader.db import Connection
from sandbox import process
from sandbox.process import Sandbox
from tests.support import servers
from tests.support.commands import Commands
from tests.support.servers import Server
from tests.support.turns import turn

_STACK = pytest.StashKey[ExitStack]()
_SERVERS = pytest.StashKey[list[Server]]()
_LOCK = pytest.StashKey[Path]()
_NUMBERS = itertools.count(1)
# What a crash of the server takes from the databases that are copied, by database and table.
UNLOGGED = ("staging.pages", "staging.epoch")
_STAGED: dict[str, dict[str, bytes]] = {}

# Equal seeds make equal accounts: a database loaded from one fits another.
# A fixed drive_url: another port on another day must not look like a change of the account.
DRIVE = ("--drive-url", "https://drive-b.amocrm.ru")
OWN_ACCOUNT = ("--companies", "300", "--seed", "7", *DRIVE)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Start the servers before the header is printed, which says what they are.

    A crash hits all databases of a server: so each worker of pytest-xdist is given its own.
    """
    config = session.config
    if given := getattr(config, "workerinput", None):
        config.stash[_SERVERS] = [Server(**given["server"])]
        config.stash[_LOCK] = Path(given["lock"])
        return
    stack = config.stash[_STACK] = ExitStack()
    workers = len(config.getoption("tx", None) or ())
    config.stash[_SERVERS] = [
        stack.enter_context(servers.running()) for _ in range(max(workers, 1))
    ]
    if workers:
        folder = stack.enter_context(TemporaryDirectory())
        config.stash[_LOCK] = Path(folder, "lock")
        config.stash[_LOCK].touch()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker which server is its own; the successor of a lost one gets a new server."""
    servers_left, stack = node.config.stash[_SERVERS], node.config.stash[_STACK]
    own = servers_left.pop() if servers_left else stack.enter_context(servers.running())
    node.workerinput |= {"server": asdict(own), "lock": str(node.config.stash[_LOCK])}


def pytest_report_header(config: pytest.Config) -> str:
    started = config.stash[_SERVERS]
    one = started[0]
    times = f", {len(started)} servers" if len(started) > 1 else ""
    return f"PostgreSQL: {one.version} ({one.kind}{times})"


def pytest_unconfigure(config: pytest.Config) -> None:
    if _STACK in config.stash:
        config.stash[_STACK].close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that run alone come last: so no worker waits for the others more than once."""
    items.sort(key=lambda item: item.get_closest_marker("alone") is not None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Keep the workers out of the way of tests marked alone."""
    if _LOCK not in item.config.stash:
        return (yield)
    with turn(item.config.stash[_LOCK], alone=item.get_closest_marker("alone") is not None):
        return (yield)


@pytest.fixture(scope="session")
def server(pytestconfig: pytest.Config) -> Server:
    """The server of the session, or of this worker."""
    return pytestconfig.stash[_SERVERS][0]


@pytest.fixture(scope="session")
def template(server: Server) -> Iterator[str]:
    """A migrated database that is copied for each test."""
    name = f"amo_template_{os.getpid()}"
    with database(server, name, "template0"):
        with db.connect(server.database(name), command="test") as connection:
            migrate.up(connection)
        yield name


@pytest.fixture(scope="session")
def loaded_template(server: Server, template: str, account: Sandbox) -> Iterator[str]:
    """One that is copied after a load and a transform of the small account."""
    with _loaded(server, template, account, "amo_loaded") as name:
        yield name


@pytest.fixture(scope="session")
def first_night_template(server: Server, template: str) -> Iterator[str]:
    """One that is copied after a load and a transform of what own_account is at first."""
    with (
        process.start(*OWN_ACCOUNT) as account,
        _loaded(server, template, account, "amo_first_night") as name,
    ):
        yield name


@pytest.fixture
def dsn(request: pytest.FixtureRequest, server: Server, template: str) -> Iterator[str]:
    """A database of this test's own: migrated, or as `loaded` or `first_night` promise."""
    for fixture in ("loaded", "first_night"):
        if fixture in request.fixturenames:
            template = request.getfixturevalue(f"{fixture}_template")
    with database(server, f"amo_test_{os.getpid()}_{next(_NUMBERS)}", template) as dsn:
        yield dsn


@pytest.fixture
def empty_dsn(server: Server) -> Iterator[str]:
    """A database with nothing in it."""
    with database(server, f"amo_test_{os.getpid()}_{next(_NUMBERS)}", "template0") as dsn:
        yield dsn


@pytest.fixture
def connection(dsn: str) -> Iterator[Connection]:
    """A connection to the test's database, autocommit as everywhere."""
    with db.connect(dsn, command="test") as connection:
        yield connection


@pytest.fixture(scope="session")
def account() -> Iterator[Sandbox]:
    """A small account that nobody changes; 7 requests a second are not enforced."""
    with process.start("--companies", "60", "--seed", "7", *DRIVE) as sandbox:
        yield sandbox


@pytest.fixture
def own_account() -> Iterator[Sandbox]:
    """An account of this test's own, to be changed and broken at will."""
    with process.start(*OWN_ACCOUNT) as sandbox:
        yield sandbox


@pytest.fixture
def commands(dsn: str, account: Sandbox) -> Commands:
    """bin/* with the test's database and the small account."""
    return for_account(dsn, account)


def for_account(dsn: str, account: Sandbox) -> Commands:
    return Commands(
        {
            "AMO_DSN": dsn,
            "AMO_BASE_URL": account.url,
            "AMO_ACCESS_TOKEN": account.token,
            "AMO_RATE": "0",
        }
    )


@pytest.fixture
def loaded(commands: Commands) -> Commands:
    """The same; the database is as after a load and a transform."""
    return commands


@pytest.fixture
def staged(loaded: Commands, loaded_template: str, connection: Connection) -> Commands:
    """The same, and its pages are in staging, also when another test crashed the server, which
    emptied the UNLOGGED tables of the database that is copied."""
    for table, rows in _STAGED[loaded_template].items():
        connection.execute(f"TRUNCATE {table}".encode())
        with connection.cursor().copy(f"COPY {table} FROM STDIN (FORMAT binary)".encode()) as copy:
            copy.write(rows)
    return loaded


@pytest.fixture
def own_commands(dsn: str, own_account: Sandbox) -> Commands:
    """bin/* with the test's database and an account of its own."""
    return for_account(dsn, own_account)


@pytest.fixture
def first_night(own_commands: Commands) -> Commands:
    """The same; the database is as after a load and a transform."""
    return own_commands


@contextmanager
def _loaded(server: Server, template: str, account: Sandbox, name: str) -> Iterator[str]:
    """A database to be copied, since a copy costs less than a load."""
    name = f"{name}_{os.getpid()}"
    with database(server, name, template) as dsn:
        commands = for_account(dsn, account)
        commands.ok("load")
        commands.ok("transform")
        with db.connect(dsn, command="test") as connection:
            _STAGED[name] = {table: _rows(connection, table) for table in UNLOGGED}
        yield name


def _rows(connection: Connection, table: str) -> bytes:
    with connection.cursor().copy(f"COPY {table} TO STDOUT (FORMAT binary)".encode()) as copy:
        return b"".join(copy)


class database:  # noqa: N801 - reads as a word in a with statement
    """CREATE DATABASE … TEMPLATE, and DROP at the end."""

    def __init__(self, server: Server, name: str, template: str) -> None:
        self._server, self._name, self._template = server, name, template

    def _execute(self, statement: str) -> None:
        query = sql.SQL(statement).format(
            name=sql.Identifier(self._name), template=sql.Identifier(self._template)
        )
        with psycopg.connect(self._server.dsn, autocommit=True) as connection:
            connection.execute(query)

    def __enter__(self) -> str:
        self._execute("CREATE DATABASE {name} TEMPLATE {template} ENCODING 'UTF8'")
        return self._server.database(self._name)

    def __exit__(self, *_: object) -> None:
        self._execute("DROP DATABASE {name} WITH (FORCE)")
