"""Runs that are killed, cheaply: one process that forks them, so that none imports anything.

`python -m tests.support.forks DSN`: a trial a line on stdin as JSON, an answer a line on stdout.
A trial is a list of events, each with its second: a run, which may be killed, or a statement of
somebody else. Like the tests' own process, it must have no threads: it forks.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psycopg
from psycopg import sql

from loader import db
from loader.db import Connection, scalar
from tests.support.commands import ROOT
from tuning import system, tables
from tuning.plan import Wanted
from tuning.run import tuned

TABLES = ("leads", "notes")
SETTING, VALUE = "max_wal_size", "4096MB"
OPTIONS = tuple((table, name) for table in TABLES for name in (tables.MAIN, tables.TOAST))

Event = dict[str, Any]


class Forks:
    """The process, as the test sees it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def trial(self, events: list[Event]) -> None:
        """Returns when all of it has ended or is dead."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(events) + "\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == "done\n"


@contextmanager
def forks(dsn: str) -> Iterator[Forks]:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.support.forks", dsn],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # a run says there what it could not have
        text=True,
    ) as process:
        yield Forks(process)
        assert process.stdin is not None
        process.stdin.close()


def main() -> None:
    dsn = sys.argv[1]
    for line in sys.stdin:
        _trial(dsn, json.loads(line))
        sys.stdout.write("done\n")
        sys.stdout.flush()


def _trial(dsn: str, events: list[Event]) -> None:
    begin = time.monotonic()
    todo = sorted(
        [(event["at"], index, "start") for index, event in enumerate(events)]
        + [(event["kill"], index, "kill") for index, event in enumerate(events) if "kill" in event]
    )
    children: dict[int, int] = {}
    for at, index, what in todo:
        time.sleep(max(0.0, begin + at - time.monotonic()))
        if what == "start":
            children[index] = _fork(dsn, events[index])
        else:
            with suppress(ProcessLookupError):  # reaped at the end only: the pid is its own
                os.kill(children[index], signal.SIGKILL)
    for child in children.values():
        os.waitpid(child, 0)


def _fork(dsn: str, event: Event) -> int:
    child = os.fork()
    if child == 0:
        try:
            with db.connect(dsn, command="test") as connection:
                _DO[event["what"]](connection, event)
        finally:
            os._exit(0)
    return child


def _journal(connection: Connection, event: Event) -> None:
    """What is under test."""
    wanted = Wanted(TABLES, has_system=event["system"], settings={SETTING: VALUE})
    with tuned(connection, wanted):
        time.sleep(event["seconds"])


def _naive(connection: Connection, event: Event) -> None:
    """What everybody writes first: the old values in memory, and try … finally."""
    found = {
        (table, name): scalar(
            connection, "SELECT ops.table_option(%s::regclass, %s)", (f"amo.{table}", name)
        )
        for table, name in OPTIONS
    }
    before = {key: value for key, value in found.items() if key[1] == tables.MAIN or value}
    setting = system.in_file(connection, SETTING)
    try:
        for table, name in before:
            connection.execute(tables.statement(sql.Identifier("amo", table), name, "no"))
        if event["system"]:
            connection.execute(system.statement(SETTING, VALUE))
            connection.execute("SELECT pg_reload_conf()")
        time.sleep(event["seconds"])
    finally:
        for (table, name), value in before.items():
            connection.execute(tables.statement(sql.Identifier("amo", table), name, value))
        if event["system"]:
            connection.execute(system.statement(SETTING, setting))
            connection.execute("SELECT pg_reload_conf()")


def _somebody_else(connection: Connection, event: Event) -> None:
    """A DBA. Nobody can lock out her ALTER SYSTEM, so here she waits for her turn."""
    connection.execute("SET lock_timeout = 0")
    if event["name"] == SETTING:
        connection.execute("SELECT pg_advisory_lock(727011, 0)")
        connection.execute(system.statement(SETTING, event["value"]))
        connection.execute("SELECT pg_reload_conf()")
        return
    table = sql.Identifier("amo", event["table"])
    connection.execute(tables.statement(table, event["name"], event["value"]))


_DO = {"journal": _journal, "naive": _naive, "somebody else": _somebody_else}

if __name__ == "__main__":
    # Nobody is there to read a traceback of a run that lost its server.
    with suppress(psycopg.Error, KeyboardInterrupt):
        main()
