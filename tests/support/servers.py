"""The PostgreSQL of the tests: AMO_TEST_DSN, else a throw-away container, else the embedded one.

AMO_TEST_IMAGE names another image than postgres:17 and insists on a container;
AMO_TEST_SERVER=embedded passes Docker over.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from loader import embedded

IMAGE = "postgres:17"


@dataclass(frozen=True, slots=True)
class Server:
    """A running server; kill takes a backend's pid and sends it SIGKILL."""

    kind: str
    dsn: str
    version: str
    kill: Callable[[int], None] | None

    def database(self, name: str) -> str:
        """Connection string of one of its databases."""
        return make_conninfo(self.dsn, dbname=name)


@contextmanager
def running() -> Iterator[Server]:
    """The server of this test session."""
    with ExitStack() as stack:
        if dsn := os.environ.get("AMO_TEST_DSN"):
            yield _server("AMO_TEST_DSN", dsn, None)
        elif _wants_container():
            yield _server(*stack.enter_context(_container()))
        else:
            yield _server(*stack.enter_context(_embedded()))


def _server(kind: str, dsn: str, kill: Callable[[int], None] | None) -> Server:
    with psycopg.connect(dsn) as connection:
        return Server(kind, dsn, connection.info.parameter_status("server_version") or "?", kill)


def _wants_container() -> bool:
    if os.environ.get("AMO_TEST_IMAGE"):
        return True
    if os.environ.get("AMO_TEST_SERVER") == "embedded":
        return False
    try:
        answer = subprocess.run(["docker", "info"], capture_output=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0


@contextmanager
def _container() -> Iterator[tuple[str, str, Callable[[int], None]]]:
    # It moved there in 4.15; the old path warns.
    from testcontainers.community.postgres import PostgresContainer  # noqa: PLC0415

    image = os.environ.get("AMO_TEST_IMAGE", IMAGE)
    # Durability is not what the tests are about, and a crash of a backend needs none.
    with PostgresContainer(image, driver=None).with_command("-c fsync=off") as container:

        def kill(pid: int) -> None:
            container.exec(["bash", "-c", f"kill -9 {pid}"])

        yield f"container {image}", container.get_connection_url(), kill


@contextmanager
def _embedded() -> Iterator[tuple[str, str, Callable[[int], None]]]:
    with tempfile.TemporaryDirectory() as home:
        # The server runs as a user of its own when we are root.
        Path(home).chmod(0o755)
        with embedded.running(Path(home)) as dsn:
            yield "embedded", dsn, lambda pid: os.kill(pid, signal.SIGKILL)
