"""Canaries in the place of all secrets: they must turn up nowhere but in ops.tokens."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from psycopg.conninfo import make_conninfo

from loader import db, embedded
from loader.db import Connection
from sandbox import process
from sandbox.process import Sandbox
from tests.conftest import for_account
from tests.support.commands import Commands
from tests.support.watching import watch

# Of this process: the sandbox of another one, which is started with its own, shows them in ps.
MARK = f"canary-{os.getpid()}-"
TOKEN, SECRET, REFRESH, PASSWORD = (
    f"{MARK}{name}" for name in ("token", "secret", "refresh", "password")
)

# Every command that reads the settings or what is in the database. FOLDER: for files it writes.
COMMANDS = [
    "load -vv --json",
    "load -vv --log-format json --debug-pages 5",
    "load -vv --mode incremental",
    "load -vv --companies since:2020-01-01",
    "load --show-config",
    "load auth --status",
    "load auth --status --json",
    "transform -vv --json",
    "transform -vv --log-format json",
    "transform --dry-run",
    "refresh -vv --json",
    "status -v",
    "status --json",
    "status --textfile FOLDER/amo.prom",
    "doctor -vv --skip clock",
    "doctor --json --skip clock",
    "doctor --nagios --skip clock",
    "report --output FOLDER/report.html",
    "report --json",
    "migrate status",
    "migrate verify -vv",
    "tune status --json",
    "tune advise -vv",
    "tune indexes -vv",
    "tune apply -vv --table leads",
    "tune revert -vv",
]
BY_OAUTH = ["load -vv --json", "load auth --status", "refresh -vv --json"]

# What is set in place of what is right, and how that ends.
MISTAKES = {
    "no PostgreSQL there": (
        {"AMO_DSN": f"host=127.0.0.1 port=1 user=me password={PASSWORD}"}, 56
    ),
    "a password that breaks the address": (
        {"AMO_DSN": f"postgresql://me:{PASSWORD}@:@/x?y"}, 2
    ),
    "no amoCRM there": ({"AMO_BASE_URL": "http://127.0.0.1:1"}, 56),
    "a password in the address": ({"AMO_BASE_URL": f"https://me:{PASSWORD}@x.amocrm.ru"}, 2),
    "a token with a blank": ({"AMO_ACCESS_TOKEN": f"{TOKEN} {TOKEN}"}, 2),
    "a token that is refused": ({"AMO_ACCESS_TOKEN": f"{TOKEN}-old"}, 60),
    "a refresh token that is refused": (
        {"AMO_ACCESS_TOKEN": "", "AMO_REFRESH_TOKEN": f"{REFRESH}-old"}, 60
    ),
    "a secret that is refused": (
        {"AMO_ACCESS_TOKEN": "", "AMO_CLIENT_SECRET": f"{SECRET}-old",
         "AMO_REFRESH_TOKEN": f"{REFRESH}-new"}, 60
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Watchtower:
    """A server that logs every statement, an account, and a database loaded from it."""

    account: Sandbox
    dsn: str
    log: Path

    @property
    def by_token(self) -> Commands:
        """With all secrets set; a token comes before OAuth."""
        settings = for_account(make_conninfo(self.dsn, password=PASSWORD), self.account).environment
        oauth = {
            "AMO_CLIENT_ID": "sandbox-client",
            "AMO_CLIENT_SECRET": SECRET,
            "AMO_REDIRECT_URI": "https://app.example/cb",
            "AMO_REFRESH_TOKEN": REFRESH,
        }
        return Commands(settings | oauth)

    @property
    def by_oauth(self) -> Commands:
        return Commands(self.by_token.environment | {"AMO_ACCESS_TOKEN": ""})

    def canaries(self) -> list[str]:
        """With those that amoCRM has given out meanwhile."""
        with db.connect(self.dsn, command="test") as connection:
            pairs = connection.execute("SELECT access_token, refresh_token FROM ops.tokens")
            return [MARK, *(str(token) for pair in pairs for token in pair)]


@pytest.fixture(scope="module")
def tower() -> Iterator[Watchtower]:
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        home.chmod(0o755)
        dsn = stack.enter_context(embedded.running(home))
        with db.connect(dsn, command="test") as connection:
            connection.execute("ALTER SYSTEM SET log_statement = 'all'")
            connection.execute("ALTER SYSTEM SET log_connections = on")
            connection.execute("SELECT pg_reload_conf()")
        account = stack.enter_context(
            process.start(
                "--companies", "10", "--token", TOKEN, "--client-secret", SECRET,
                "--refresh-token", REFRESH,
            )
        )  # fmt: skip
        tower = Watchtower(account, dsn, home / "postgres" / "log")
        tower.by_oauth.ok("load")
        tower.by_token.ok("transform")
        yield tower


@pytest.mark.parametrize(
    ("command", "way"),
    [(each, "by_token") for each in COMMANDS] + [(each, "by_oauth") for each in BY_OAUTH],
)
def test_nowhere(tower: Watchtower, tmp_path: Path, command: str, way: str) -> None:
    """Not in what the command says or writes, not in ps, on the server or in its log."""
    words = [word.replace("FOLDER", str(tmp_path)) for word in command.split()]
    start = tower.log.stat().st_size
    before = tower.canaries()

    seen = watch(getattr(tower, way), *words, but=tower.account.pid, dsn=tower.dsn)

    assert seen.code == 0, seen.said
    assert "-m loader" in seen.processes
    logged = tower.log.read_bytes()[start:].decode()
    assert "connection authorized" in logged
    written = [path.read_text() for path in tmp_path.rglob("*") if path.is_file()]
    for text in (seen.said, seen.processes, seen.activity, logged, *written):
        assert found(before + tower.canaries(), text) == []


@pytest.mark.parametrize("mistake", MISTAKES)
@pytest.mark.parametrize("command", ["load -vv", "load --show-config"])
def test_not_in_errors(tower: Watchtower, mistake: str, command: str) -> None:
    """What is wrong is said without what is secret."""
    wrong, code = MISTAKES[mistake]
    start = tower.log.stat().st_size

    result = tower.by_token.run(*command.split(), **wrong)

    assert result.code == (0 if "show-config" in command else code), result.err
    logged = tower.log.read_bytes()[start:].decode()
    assert found(tower.canaries(), result.out + result.err + logged) == []


def test_in_one_table(tower: Watchtower) -> None:
    """After a new pair of tokens, only in the one that is for them, and not in the log."""
    with db.connect(tower.dsn, command="test") as connection:
        connection.execute(
            "UPDATE ops.tokens SET refreshed_at = now() - interval '1 day',"
            " expires_at = now() + interval '1 minute'"
        )
        before = tower.canaries()
        tower.by_oauth.ok("refresh")
        connection.execute("ANALYZE")
        canaries = before + tower.canaries()
        logged = tower.log.read_text()
        holding = [name for name in relations(connection) if holds(connection, name, canaries)]

    assert len(set(canaries)) == 5
    assert holding == ["ops.tokens"]
    assert found(canaries, logged) == []


def relations(connection: Connection) -> list[str]:
    """Every table, also of the catalog: statistics are copies of values."""
    rows = connection.execute(
        "SELECT oid::regclass::text FROM pg_class WHERE relkind IN ('r', 'm')"
        " AND oid <> 'pg_statistic'::regclass"
    )
    return [*(str(name) for (name,) in rows), "pg_stats"]


def holds(connection: Connection, relation: str, canaries: list[str]) -> bool:
    pattern = "|".join(canaries)
    query = f"SELECT FROM {relation} AS r WHERE r::text ~ %s LIMIT 1"
    return connection.execute(query.encode(), (pattern,)).fetchone() is not None


def found(canaries: list[str], text: str) -> list[str]:
    return [canary for canary in canaries if canary in text]


def test_token_in_a_file(dsn: str, tmp_path: Path) -> None:
    """The documented way: a file of mode 0600, a line end after the token."""
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    file.chmod(0o600)
    with process.start("--companies", "10", "--token", TOKEN) as account:
        commands = for_account(dsn, account)

        commands.ok("load", AMO_ACCESS_TOKEN="", AMO_ACCESS_TOKEN_FILE=str(file))
