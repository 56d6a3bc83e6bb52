"""Behind PgBouncer in transaction mode a session is nobody's: nothing persistent is begun there."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from loader import db
from loader.db import Connection, scalar
from tests.support.commands import Commands
from tuning.plan import Wanted
from tuning.run import tuned

PGBOUNCER = shutil.which("pgbouncer", path=os.environ.get("PATH", "") + ":/usr/sbin")


@contextmanager
def pooler(dsn: str, swallowed: str) -> Iterator[str]:
    """The database through PgBouncer; swallowed: startup parameters it does not pass on."""
    if PGBOUNCER is None:
        pytest.skip("pgbouncer is not installed; CI has it")
    there = {name: value for name, value in conninfo_to_dict(dsn).items() if value is not None}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    target = " ".join(f"{name}={value}" for name, value in there.items())
    settings = (
        f"[databases]\npooled = {target}\n[pgbouncer]\npool_mode = transaction\n"
        f"listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n"
        f"ignore_startup_parameters = {swallowed}\n"
    )
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        file = Path(folder, "pgbouncer.ini")
        file.write_text(settings)
        command = [PGBOUNCER, "-q", str(file)]
        if os.geteuid() == 0:
            # It refuses to be root; the socket of the embedded server is in its owner's folder.
            host = Path(str(there.get("host", "")))
            command[1:1] = ["-u", host.owner() if host.is_absolute() else "nobody"]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
            try:
                yield _wait(f"host=127.0.0.1 port={port} dbname=pooled user=any")
            finally:
                process.terminate()


def _wait(dsn: str) -> str:
    deadline = time.monotonic() + 10
    while True:
        try:
            psycopg.connect(dsn).close()
        except psycopg.OperationalError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        else:
            return dsn


def test_it_is_noticed(dsn: str, commands: Commands, connection: Connection) -> None:
    """Where it swallows our options: refused in words; a run goes on untuned."""
    with pooler(dsn, "options,extra_float_digits") as pooled:
        with db.connect(pooled, command="test") as through:
            # What makes it dangerous: our options have not arrived.
            assert scalar(through, "SHOW client_connection_check_interval") == "0"
            with tuned(through, Wanted(("leads",))):
                assert scalar(connection, "SELECT count(*) FROM ops.tuning_journal") == 0
        for command in ("apply", "revert", "status"):
            result = commands.run("tune", command, AMO_DSN=pooled)
            assert result.code == 2, result.err
            assert "ERROR [2]: this connection goes through a pooler" in result.err
            assert "HINT: connect directly to PostgreSQL" in result.err
    with tuned(connection, Wanted(("leads",))):
        assert scalar(connection, "SELECT count(*) FROM ops.tuning_journal") == 1


def test_as_it_comes_it_lets_nobody_of_us_in(dsn: str, commands: Commands) -> None:
    """Without that setting the connection itself is refused, and the reason is shown."""
    with pooler(dsn, "extra_float_digits") as pooled:
        result = commands.run("tune", "status", AMO_DSN=pooled)

    assert result.code == 56
    assert "unsupported startup parameter: options" in result.err
