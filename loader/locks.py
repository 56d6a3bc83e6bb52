"""One run at a time per account: advisory locks that die with their session."""

from __future__ import annotations

import zlib

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
    _acquire(connection, _CLASS, key_of(account_id), what)


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


def held(connection: Connection) -> set[int]:
    """The keys of the accounts that a run is at, whoever it is."""
    rows = connection.execute(
        "SELECT objid::bigint FROM pg_locks WHERE locktype = 'advisory' AND classid = %s"
        " AND granted AND database ="
        " (SELECT oid FROM pg_database WHERE datname = current_database())",
        (_CLASS,),
    )
    return {row[0] for row in rows}


def key_of(account_id: int) -> int:
    """A positive int4, which is how pg_locks shows it."""
    return zlib.crc32(str(account_id).encode()) & 0x7FFF_FFFF


def _describe(holder: tuple[object, ...]) -> str:
    pid, application, address, since = holder
    name = f"backend pid {pid}, {application or 'unnamed'}"
    if since is None:  # it is another role's, and ours may not look
        return name
    return f"{name}, from {address or 'this machine'}, since {since}"
