"""A canary token and a canary password: they must turn up nowhere."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from psycopg.conninfo import make_conninfo

from loader.db import Connection, scalar
from sandbox import process
from tests.conftest import for_account
from tests.support.commands import Commands

CANARY = "canary-1b9f3c"


def test_the_token_is_nowhere(dsn: str, connection: Connection) -> None:
    """Not in the output at any verbosity, not in ps, pg_stat_activity or any table."""
    with process.start("--companies", "60", "--token", CANARY, "--latency", "0.1") as account:
        commands = for_account(dsn, account)
        load = commands.start("load", "-vv", "--json")
        time.sleep(1.5)
        seen = subprocess.run(["ps", "axww"], capture_output=True, text=True, check=True).stdout
        activity = scalar(
            connection, "SELECT string_agg(query || application_name, ' ') FROM pg_stat_activity"
        )
        out, err = load.communicate(timeout=60)
        transformed = commands.ok("transform", "-vv")

    assert load.returncode == 0
    # The sandbox was given it on its command line, as a test may.
    ours = "\n".join(line for line in seen.splitlines() if "-m sandbox" not in line)
    for text in (out, err, ours, str(activity), transformed.out, transformed.err):
        assert CANARY not in text
    tables = connection.execute(
        "SELECT format('%I.%I', schemaname, relname) FROM pg_stat_user_tables"
    ).fetchall()
    for (table,) in tables:
        query = f"SELECT count(*) FROM {table} AS r WHERE r::text LIKE '%{CANARY}%'"
        assert scalar(connection, query) == 0, table


def test_wrong_password_is_not_repeated(commands: Commands) -> None:
    """An error about a connection does not show the password."""
    dsn = make_conninfo("", host="127.0.0.1", port="1", user="me", password=CANARY)

    result = commands.run("load", "-vv", AMO_DSN=dsn)

    assert result.code == 56
    assert CANARY not in result.out + result.err


def test_token_in_a_file(dsn: str, tmp_path: Path) -> None:
    """The documented way: a file of mode 0600, a line end after the token."""
    file = tmp_path / "token"
    file.write_text(f"{CANARY}\n")
    file.chmod(0o600)
    with process.start("--companies", "10", "--token", CANARY) as account:
        commands = for_account(dsn, account)

        commands.ok("load", AMO_ACCESS_TOKEN="", AMO_ACCESS_TOKEN_FILE=str(file))
