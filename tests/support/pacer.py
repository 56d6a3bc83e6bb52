"""python -m tests.support.pacer: a process that waits its turn again and again.

With a token it asks for the account at each turn. Prints the moments of its turns, on the
machine's monotonic clock. Ends after `seconds`.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import requests

from loader.api.pace import Pace
from tests.support.commands import ROOT


def main(dsn: str, base_url: str, rate: str, threads: str, seconds: str, token: str) -> None:
    end = time.monotonic() + float(seconds)
    with Pace(float(rate), base_url, dsn) as pace:

        def work() -> None:
            with requests.Session() as session:
                session.trust_env = False
                while time.monotonic() < end:
                    pace.wait()
                    moment = time.monotonic()
                    if token:
                        headers = {"Authorization": f"Bearer {token}"}
                        session.get(f"{base_url}/api/v4/account", headers=headers, timeout=15)
                    # In one piece: print() writes the line's end by itself.
                    sys.stdout.write(f"{moment}\n")
                    sys.stdout.flush()

        workers = [threading.Thread(target=work) for _ in range(int(threads))]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()


@contextmanager
def start(
    dsn: str, base_url: str, rate: float, *, threads: int = 1, seconds: float = 60, token: str = ""
) -> Iterator[subprocess.Popen[str]]:
    """Start one, and kill it at the end if it still runs."""
    arguments = [dsn, base_url, str(rate), str(threads), str(seconds), token]
    with subprocess.Popen(
        [sys.executable, "-m", "tests.support.pacer", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def next_turn(process: subprocess.Popen[str]) -> float:
    """Wait for its next turn and return the moment of it."""
    assert process.stdout is not None
    return float(process.stdout.readline())


if __name__ == "__main__":
    main(*sys.argv[1:])
