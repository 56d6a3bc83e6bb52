"""How much of amoCRM's 7 requests a second a load uses, at different latencies.

Usage: AMO_DSN=… python -m benchmarks.rate [--companies N] [LATENCY …]

The database that AMO_DSN names is emptied: amo, mart, ops and staging are dropped for each
latency. Seconds and rate are from the first to the last request, as the sandbox counted them.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys

import psycopg

from sandbox import process
from sandbox.process import Sandbox

RATE = 7
SIZES = {"contacts": 3, "leads": 4, "notes": 10, "tasks": 2}


def main() -> None:
    """Print one line per load: from nothing, then once more."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--companies", type=int, default=1000)
    parser.add_argument("latencies", nargs="*", default=["0.3", "0.7", "1.5"])
    options = parser.parse_args()
    sizes = ["--companies", str(options.companies)]
    for name, share in SIZES.items():
        sizes += [f"--{name}", str(share * options.companies)]
    print("latency  load    requests  pages  empty  seconds  share  429  worst second")
    for latency in options.latencies:
        empty_database()
        flags = [*sizes, "--rate", str(RATE), "--latency", f"{latency}:{latency}"]
        with process.start(*flags) as account:
            for which in ("first", "second"):
                account.control("reset-stats", {})
                _load(account)
                _report(latency, which, account)


def _load(account: Sandbox) -> None:
    settings = {"AMO_BASE_URL": account.url, "AMO_ACCESS_TOKEN": account.token}
    command = [sys.executable, "-m", "loader", "load", "--quiet"]
    subprocess.run(command, env=os.environ | settings, check=True)


def _report(latency: str, which: str, account: Sandbox) -> None:
    stats = account.stats()
    seconds = stats["last_arrival"] - stats["first_arrival"]
    requests, by_status = stats["requests"], stats["by_status"]
    # The last request opens an interval that nobody waits for.
    share = 100 * (requests - 1) / seconds / RATE
    pages, empty = by_status.get("200", 0), by_status.get("204", 0)
    print(
        f"{latency:>7}  {which:<6}  {requests:>8}  {pages:>5}  {empty:>5}  {seconds:>7.1f}"
        f"  {share:>4.1f}%  {by_status.get('429', 0):>3}  {stats['max_in_one_second']:>12}",
        flush=True,
    )


def empty_database() -> None:
    """Drop the schemas of this product."""
    with psycopg.connect(os.environ["AMO_DSN"], autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS amo, mart, ops, staging CASCADE")


if __name__ == "__main__":
    main()
