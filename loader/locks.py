"""One run at a time per account: advisory locks that die with their session."""

from __future__ import annotations

from contextlib import suppress

import psycopg

from loader.db import Connection, scalar
from loader.errors import LockedError

_CLASS = 727_001
_REFRESH = 727_003


def acquire_refresh(connection: Connection) -> None:
    """One bin/refresh at a time in a database, of whatever account; raises LockedError."""
    _acquire(connection, _REFRESH, 0, "another bin/refresh is at work in this database")


def acquire(connection: Connection, account_id: int) -> None:
    """Take the account's lock for the life of the connection, or say who holds it.

    Raises LockedError. The lock belongs to a session: behind a pooler in transaction mode
    it would protect nothing.
    """
    what = f"another run holds the lock of account {account_id}"
    key = scalar(connection, "SELECT ops.account_lock_key(%s)", (account_id,))
    _acquire(connection, _CLASS, key, what)


def release(connection: Connection, account_id: int) -> None:
    """Give it back before the connection is closed, which the server notices a moment later:

    bin/refresh takes it for the transform as soon as the load has ended.
    """
    with suppress(psycopg.OperationalError):  # the connection is gone, and the lock with it
        connection.execute(
            "SELECT pg_advisory_unlock(%s, ops.account_lock_key(%s))", (_CLASS, account_id)
        )


def _acquire(connection: Connection, kind: int, key: int, what: str) -> None:
    if scalar(connection, "SELECT pg_try_advisory_lock(%s, %s)", (kind, key)) is True:
        return
    holder = connection.execute(
        "SELECT lock.pid, activity.application_name, activity.client_addr,"
        " to_char(activity.backend_start, 'YYYY-MM-DD HH24:MI:SS TZ')"
        " FROM pg_locks AS lock LEFT JOIN pg_stat_activity AS activity ON lock.pid = activity.pid"
        " WHERE lock.locktype = 'advisory' AND lock.classid = %s AND lock.objid = %s"
        " AND lock.granted AND lock.database ="
        " (SELECT oid FROM pg_database WHERE datname = current_database())",
        (kind, key),
    ).fetchone()
    raise LockedError(
        what,
        detail=_describe(holder) if holder else "it ended at this moment",
        hint="wait for it, or end it with: SELECT pg_terminate_backend(pid)",
    )


def _describe(holder: tuple[object, ...]) -> str:
    pid, application, address, since = holder
    name = f"backend pid {pid}, {application or 'unnamed'}"
    if since is None:  # it is another role's, and ours may not look
        return name
    return f"{name}, from {address or 'this machine'}, since {since}"
