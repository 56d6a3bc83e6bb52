"""Loads that can be hit in the middle, and waiting for them and for a server."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable

import psycopg

from loader import db
from loader.db import Connection, scalar
from loader.errors import ConnectError
from sandbox.process import Sandbox
from tests.support.commands import Commands


def until(condition: Callable[[], bool], seconds: float = 30) -> None:
    """Until it is so."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def wait_for_pages(connection: Connection, count: int) -> None:
    """Until the ledger has that many pages."""
    until(lambda: int(str(scalar(connection, "SELECT count(*) FROM ops.pages"))) >= count)


def reconnect(dsn: str) -> Connection:
    """Wait until the server has recovered."""
    deadline = time.monotonic() + 30
    while True:
        try:
            connection = db.connect(dsn, command="test")
            connection.execute("SELECT 1")
        except (psycopg.Error, ConnectError):
            assert time.monotonic() < deadline, "the server does not come back"
            time.sleep(0.2)
        else:
            return connection


def start_slow_load(commands: Commands, account: Sandbox, *arguments: str) -> subprocess.Popen[str]:
    """A load that takes a while, so that it can be hit in the middle."""
    account.control("settings", {"latency": "0.2:0.4"})
    return commands.start("load", *arguments)
