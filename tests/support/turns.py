"""Tests marked `alone` run while every other worker of pytest-xdist stands still."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def turn(lock: Path, *, alone: bool) -> Iterator[None]:
    """Hold the lock file of the session: for oneself, or together with other ordinary tests.

    The kernel lets go of it when a worker dies, and commands that a test starts do not
    inherit it.
    """
    with lock.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        yield
