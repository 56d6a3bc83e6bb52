"""The default PostgreSQL: a socket, data that stays, a clean stop."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from loader import embedded
from sandbox.process import Sandbox
from tests.support.commands import ROOT, Commands


@pytest.fixture
def home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def is_running(home: Path) -> bool:
    return (home / "postgres" / "postmaster.pid").exists()


def test_load_and_transform_without_any_server(home: Path, account: Sandbox) -> None:
    """With neither AMO_DSN nor PG*, each command starts it, keeps its data and stops it."""
    commands = Commands(
        {
            "AMO_HOME": str(home),
            "AMO_BASE_URL": account.url,
            "AMO_ACCESS_TOKEN": account.token,
            "AMO_RATE": "0",
        }
    )

    commands.ok("load")
    assert not is_running(home)
    summary = commands.ok("transform", "--json").json
    assert not is_running(home)

    assert summary["inserted"] > account.entities["leads"]
    assert "database system is shut down" in (home / "postgres" / "log").read_text()


def test_it_listens_on_a_socket_only(home: Path) -> None:
    """No port is opened on any address."""
    with embedded.running(home) as uri, psycopg.connect(uri) as connection:
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)


def test_the_last_user_stops_it(home: Path) -> None:
    """A second user finds it running; the first one to leave does not stop it."""
    with embedded.running(home):
        other = "SELECT count(*) FROM pg_database"
        answer = subprocess.run(
            [sys.executable, "-m", "loader.embedded", "-Atc", other],
            cwd=ROOT,
            env={"AMO_HOME": str(home), "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=True,
        )
        assert answer.stdout.strip() == "4"
        assert is_running(home)
    assert not is_running(home)
