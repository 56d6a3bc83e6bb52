"""The PostgreSQL of the tests: AMO_TEST_DSN, else a throw-away container, else the embedded one.

AMO_TEST_IMAGE names another image than postgres:17 and insists on a container;
AMO_TEST_SERVER=embedded passes Docker over.
"""

from __future__ import annotations

import os
import shutil
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


# A database of a test costs 20 times less CPU there than on a disk, most of it for 400 files.
MEMORY = Path("/dev/shm")  # noqa: S108 - in a folder of our own below it
MEMORY_BYTES = 4 << 30


@dataclass(frozen=True, slots=True)
class Server:
    """A running server, in plain values so that workers of pytest-xdist can be told."""

    kind: str
    dsn: str
    version: str
    container: str = ""

    def database(self, name: str) -> str:
        """Connection string of one of its databases."""
        return make_conninfo(self.dsn, dbname=name)

    @property
    def kill(self) -> Callable[[int], None] | None:
        """What takes a backend's pid and sends it SIGKILL; None when it is not ours to kill."""
        if self.container:
            return self._kill_in_container
        return _kill if self.kind == "embedded" else None

    def _kill_in_container(self, pid: int) -> None:
        kill = ["docker", "exec", self.container, "bash", "-c", f"kill -9 {pid}"]
        subprocess.run(kill, capture_output=True, check=True)


def _kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


@contextmanager
def running() -> Iterator[Server]:
    """A server for this test session, or for one of its workers."""
    with ExitStack() as stack:
        if dsn := os.environ.get("AMO_TEST_DSN"):
            yield _server("AMO_TEST_DSN", dsn)
        elif _wants_container():
            yield _server(*stack.enter_context(_container()))
        else:
            yield _server("embedded", stack.enter_context(_embedded()))


def _server(kind: str, dsn: str, container: str = "") -> Server:
    with psycopg.connect(dsn) as connection:
        version = connection.info.parameter_status("server_version") or "?"
    return Server(kind, dsn, version, container)


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
def _container() -> Iterator[tuple[str, str, str]]:
    # It moved there in 4.15; the old path warns.
    from testcontainers.community.postgres import PostgresContainer  # noqa: PLC0415

    image = os.environ.get("AMO_TEST_IMAGE", IMAGE)
    # Durability is not what the tests are about, and a crash of a backend needs none.
    container = PostgresContainer(image, driver=None).with_command("-c fsync=off")
    container.with_env("PGDATA", "/memory/data").with_tmpfs_mount("/memory")
    with container:
        identity = container.get_wrapped_container().id
        yield f"container {image}", container.get_connection_url(), identity


@contextmanager
def _embedded() -> Iterator[str]:
    with tempfile.TemporaryDirectory(dir=_memory()) as home:
        # The server runs as a user of its own when we are root.
        Path(home).chmod(0o755)
        with embedded.running(Path(home)) as dsn:
            yield dsn


def _memory() -> Path | None:
    """The folder in memory, where there is one with room; else None: the usual one."""
    has_room = os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free >= MEMORY_BYTES
    return MEMORY if has_room else None
