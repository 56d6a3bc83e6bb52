"""Run a sandbox as a child process, for tests, the demo and benchmarks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

_ROOT = Path(__file__).resolve().parent.parent
_ANSWER_SECONDS = 60
_STOP_SECONDS = 10


class SandboxError(Exception):
    """The sandbox did not start, or did not take a command."""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A sandbox that runs."""

    url: str
    token: str
    account_id: int
    entities: dict[str, int]
    pid: int

    def control(self, path: str, payload: Any = None) -> Any:
        """Send a command below /_sandbox/, or ask a question when there is no payload."""
        with requests.Session() as session:
            # Loopback must not go through a proxy of the environment.
            session.trust_env = False
            answer = session.request(
                "GET" if payload is None else "POST",
                f"{self.url}/_sandbox/{path}",
                json=payload,
                timeout=_ANSWER_SECONDS,
            )
        if not answer.ok:
            raise SandboxError(answer.text)
        return answer.json()

    def stats(self, arrivals: bool = False) -> Any:
        """Return what the server counted."""
        return self.control("stats?arrivals=1" if arrivals else "stats")

    def targets(self) -> dict[str, int]:
        """Return how often each path with its query was asked for."""
        return dict(self.control("stats?targets=1")["by_target"])

    def truth(self, stream: str) -> list[tuple[Any, int]]:
        """Return id and updated_at of everything alive in a stream."""
        return [(id_, updated_at) for id_, updated_at in self.control(f"truth?stream={stream}")]


@contextmanager
def start(*args: str) -> Iterator[Sandbox]:
    """Start `python -m sandbox` with these flags, wait until it is ready, stop it at the end."""
    path = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))
    with (
        tempfile.TemporaryFile() as log,
        subprocess.Popen(
            [sys.executable, "-m", "sandbox", *args],
            stdout=subprocess.PIPE,
            stderr=log,
            env={**os.environ, "PYTHONPATH": path},
        ) as child,
    ):
        try:
            line = child.stdout.readline() if child.stdout else b""
            if not line:
                child.wait(_STOP_SECONDS)
                log.seek(0)
                raise SandboxError(log.read().decode(errors="replace"))
            yield Sandbox(**json.loads(line), pid=child.pid)
        finally:
            _stop(child)


def _stop(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
