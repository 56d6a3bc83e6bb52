"""What a transform costs: the first, an unchanged night, 1 and 5 % changed.

Usage: AMO_DSN=… python -m benchmarks.transform [--companies N]

The database that AMO_DSN names is emptied: amo, mart, ops and staging are dropped. Its server
has to run on this machine, under Linux: CPU is that of all its processes. An account of N
companies has about 21 entities for each. While a transform runs, one connection reads leads
with their fields as fast as it can; its longest read is what a reader has to wait at worst.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.rate import empty_database
from sandbox import process
from sandbox.process import Sandbox

SIZES = {"contacts": 4, "leads": 4, "notes": 8, "tasks": 2}
CHANGED = ("companies", "contacts", "leads", "leads/notes", "tasks")
TICKS = os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Print one line per night."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--companies", type=int, default=5000)
    companies = parser.parse_args().companies
    sizes = ["--companies", str(companies)]
    for name, share in SIZES.items():
        sizes += [f"--{name}", str(share * companies)]
    empty_database()
    with process.start(*sizes, "--rate", "0", "--latency", "0:0") as account:
        print("night        staged  seconds  CPU s    WAL MB  inserted  updated  deleted  read ms")
        for night, percent in (("first", 0), ("unchanged", 0), ("1 % changed", 1), ("5 %", 5)):
            if percent:
                account.control("mutate", {"update": _changes(companies, percent)})
            _run(account, "load", "--quiet")
            _report(night, account)


def _changes(companies: int, percent: int) -> dict[str, int]:
    sizes = {"companies": 1, "leads/notes": 4} | SIZES
    return {name: companies * sizes[name] * percent // 100 for name in CHANGED}


def _run(account: Sandbox, *command: str) -> str:
    settings = {
        "AMO_BASE_URL": account.url, "AMO_ACCESS_TOKEN": account.token, "AMO_RATE": "0",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "loader", *command],
        env=os.environ | settings, check=True, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    return done.stdout


def _report(night: str, account: Sandbox) -> None:
    with psycopg.connect(os.environ["AMO_DSN"], autocommit=True) as connection:
        with Reader(connection) as reader:
            before, since = _server_cpu(connection), _wal(connection)
            summary: dict[str, Any] = json.loads(_run(account, "transform", "--quiet", "--json"))
        cpu = _server_cpu(connection) - before - reader.cpu_seconds
        wal = _wal(connection) - since
    staged = next(f["rows_in"] for f in summary["files"] if f["file"].endswith("/documents"))
    print(
        f"{night:<11} {staged:>7}  {summary['seconds']:>7.1f}  {cpu:>5.1f}  {wal / 1e6:>8.2f}"
        f"  {summary['inserted']:>8}  {summary['updated']:>7}  {summary['deleted']:>7}"
        f"  {1000 * reader.longest_seconds:>7.1f}",
        flush=True,
    )


def _wal(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn").fetchone()
    return int(row[0]) if row else 0


def _server_cpu(connection: psycopg.Connection[Any]) -> float:
    """Seconds of all processes of the server, also of those that have ended."""
    postmaster = _stat(connection.info.backend_pid)[1]
    ticks = sum(_stat(postmaster)[11:15])
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            with suppress(OSError):  # it has ended
                stat = _stat(int(path.name))
                ticks += sum(stat[11:13]) if stat[1] == postmaster else 0
    return ticks / TICKS


def _stat(pid: int) -> list[int]:
    """Numbers of /proc/PID/stat from the third on, see proc(5); the state letter is 0."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return [0, *map(int, fields[1:20])]


@dataclass(slots=True)
class Reader:
    """Reads one lead after the other with its fields, in a thread and a connection of its own."""

    connection: psycopg.Connection[Any]
    longest_seconds: float = 0.0
    cpu_seconds: float = 0.0
    _stop: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Reader:
        self._thread = threading.Thread(target=self._read)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._thread:
            self._thread.join()

    def _read(self) -> None:
        with psycopg.connect(os.environ["AMO_DSN"], autocommit=True) as connection:
            while not self._stop.is_set():
                started = time.monotonic()
                connection.execute(
                    "SELECT count(*) FROM (SELECT account_id, id FROM amo.leads"
                    " ORDER BY account_id, id LIMIT 50) AS lead"
                    " LEFT JOIN amo.custom_field_values AS field"
                    " ON field.account_id = lead.account_id AND field.entity_type = 'leads'"
                    " AND field.entity_id = lead.id"
                )
                self.longest_seconds = max(self.longest_seconds, time.monotonic() - started)
                time.sleep(0.02)
            self.cpu_seconds = sum(_stat(connection.info.backend_pid)[11:13]) / TICKS


if __name__ == "__main__":
    main()
