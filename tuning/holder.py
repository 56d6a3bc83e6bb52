"""Who needs a changed setting, and for how long."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from loader.db import Connection, scalar

# Known to the view ops.tuning_holds.
_CLASS = 727_010


@dataclass(frozen=True, slots=True)
class Holder:
    """A run, alive as long as its backend has its advisory lock; or a person, until the deadline.

    hours: from now to the deadline. pid: the backend of a run, None for a person.
    """

    key: int
    pid: int | None
    hours: float


def person(hours: float) -> Holder:
    """Who calls bin/tune apply, whose session ends with the command."""
    return Holder(0, None, hours)


@contextmanager
def run(connection: Connection, hours: float) -> Iterator[Holder]:
    """The run that works on this connection. Not a pid file: a backend outlives its client."""
    # By chance, since a backend's pid comes back: a dead holder must not seem alive.
    key = 1 + secrets.randbelow(0x7FFF_FFFE)
    connection.execute("SELECT pg_advisory_lock(%s, %s)", (_CLASS, key))
    try:
        yield Holder(key, connection.info.backend_pid, hours)
    finally:
        # Closed: then the lock is gone already.
        if not connection.closed:
            connection.execute("SELECT pg_advisory_unlock(%s, %s)", (_CLASS, key))


def is_direct(connection: Connection) -> bool:
    """Whether a session is a session: a pooler gives the client a pid of its own making."""
    return bool(scalar(connection, "SELECT pg_backend_pid()") == connection.info.backend_pid)
