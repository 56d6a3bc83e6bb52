"""Settings of the server by ALTER SYSTEM, which no transaction holds together.

So: the intent is committed first; then file, reload, and a look whether it came true, else it is
undone at once. Whoever finds an intent later compares it with the file. One process of this
database at a time. Nobody can lock out a foreign ALTER SYSTEM: one that falls between our look
at the file and our write, about a millisecond, is lost.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import LiteralString

import psycopg
from psycopg import sql

from loader.db import Connection, scalar
from tuning import journal
from tuning.change import (
    APPLIED,
    CHANGED,
    HELD,
    JOINED,
    NEVER,
    NO_EFFECT,
    RESTORED,
    SKIPPED,
    Change,
)
from tuning.holder import Holder
from tuning.journal import SYSTEM, Entry

SERVER = "server"
_MUTEX = 727_011

# A reload goes through the postmaster; measured: 2 to 20 ms.
_RELOAD_SECONDS = 3.0

# Twice in the file where somebody edited it by hand: the last one counts.
_IN_FILE: LiteralString = """
    SELECT setting FROM pg_file_settings
    WHERE name = %s AND sourcefile LIKE '%%/postgresql.auto.conf'
    ORDER BY seqno DESC LIMIT 1
"""
_IN_FORCE: LiteralString = (
    "SELECT setting || coalesce(unit, ''), source, pending_restart FROM pg_settings WHERE name = %s"
)


@dataclass(frozen=True, slots=True)
class InForce:
    """What this session runs with: in the unit of pg_settings, for example 8192MB."""

    value: str
    source: str
    pending_restart: bool


def statement(name: str, value: str | None) -> sql.Composed:
    """ALTER SYSTEM SET or, without a value, RESET."""
    if value is None:
        return sql.SQL("ALTER SYSTEM RESET {}").format(sql.Identifier(name))
    return sql.SQL("ALTER SYSTEM SET {} = {}").format(sql.Identifier(name), sql.Literal(value))


def in_file(connection: Connection, name: str) -> str | None:
    """Of postgresql.auto.conf, as it was typed; needs the right to read pg_file_settings."""
    value = scalar(connection, _IN_FILE, (name,))
    return None if value is None else str(value)


def in_force(connection: Connection, name: str) -> InForce:
    """Of the running server."""
    value, source, is_pending = connection.execute(_IN_FORCE, (name,)).fetchone() or ("", "", False)
    return InForce(str(value), str(source), bool(is_pending))


def change(connection: Connection, wanted: Change, holder: Holder, lock_seconds: float) -> Change:
    """Intent, file, reload, verification. Raises psycopg.Error; what was begun stays noted."""
    with _alone(connection, lock_seconds):
        with journal.transaction(connection, lock_seconds):
            entry = journal.find(connection, SYSTEM, 0, wanted.name)
        if entry and (outcome := _settle(connection, entry)):
            with journal.transaction(connection, lock_seconds):
                journal.close(connection, entry.id, outcome)
            entry = None
        before = in_file(connection, wanted.name)
        with journal.transaction(connection, lock_seconds):
            if entry:
                journal.hold(connection, entry.id, holder)
                return replace(
                    wanted, before=entry.prior_value, value=entry.applied_value, outcome=JOINED
                )
            if before == wanted.value:
                return replace(wanted, before=before, outcome=SKIPPED, detail="so already")
            entry_id = journal.note(
                connection, SYSTEM, 0, SERVER, wanted.name, before, wanted.value
            )
            journal.hold(connection, entry_id, holder)
        try:
            _write(connection, wanted.name, wanted.value)
        except psycopg.Error:
            if in_file(connection, wanted.name) != wanted.value:
                journal.close(connection, entry_id, NEVER)
            raise
        if _has_come_true(connection, wanted.name, wanted.value):
            with journal.transaction(connection, lock_seconds):
                journal.confirm(connection, entry_id)
            return replace(wanted, before=before, outcome=APPLIED)
        found = in_force(connection, wanted.name)
        if in_file(connection, wanted.name) == wanted.value:
            _write(connection, wanted.name, before)
        with journal.transaction(connection, lock_seconds):
            journal.close(connection, entry_id, NO_EFFECT)
        detail = f"{found.value} from {found.source} is stronger; undone"
        return replace(wanted, before=before, outcome=NO_EFFECT, detail=detail)


def restore(
    connection: Connection, entry: Entry, own: int | None, lock_seconds: float
) -> str | None:
    """Compare and restore; returns the outcome, or None when somebody else has done it."""
    with _alone(connection, lock_seconds):
        with journal.transaction(connection, lock_seconds):
            found = journal.locked(connection, entry.id)
            if found is None:
                return None
            # Whoever wrote an intent held the lock that is ours now: it is dead.
            if journal.let_go(connection, entry.id, own) and found.state != "intent":
                return HELD
        outcome = _undo(connection, found)
        with journal.transaction(connection, lock_seconds):
            journal.close(connection, entry.id, outcome)
        return outcome


def _undo(connection: Connection, entry: Entry) -> str:
    value = in_file(connection, entry.name)
    if value == entry.applied_value:
        _write(connection, entry.name, entry.prior_value)
        return RESTORED
    # The one before us may have been killed between file and reload, either way.
    connection.execute("SELECT pg_reload_conf()")
    if value != entry.prior_value:
        return CHANGED
    return NEVER if entry.state == "intent" else RESTORED


def _settle(connection: Connection, entry: Entry) -> str | None:
    """What an open row comes to before we begin; None: it is in force, and we join."""
    if entry.state == "applied" and in_file(connection, entry.name) == entry.applied_value:
        return None
    return _undo(connection, entry)


def _write(connection: Connection, name: str, value: str | None) -> None:
    connection.execute(statement(name, value))
    connection.execute("SELECT pg_reload_conf()")


def _has_come_true(connection: Connection, name: str, value: str) -> bool:
    """Soon after the reload; this session may be the last one to hear of it."""
    deadline = time.monotonic() + _RELOAD_SECONDS
    while in_force(connection, name).value != value:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


@contextmanager
def _alone(connection: Connection, lock_seconds: float) -> Iterator[None]:
    """Until the end, over several transactions: a lock of the session."""
    with journal.transaction(connection, lock_seconds):
        connection.execute("SELECT pg_advisory_lock(%s, 0)", (_MUTEX,))
    try:
        yield
    finally:
        if not connection.closed:
            connection.execute("SELECT pg_advisory_unlock(%s, 0)", (_MUTEX,))
