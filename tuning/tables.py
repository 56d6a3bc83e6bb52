"""Autovacuum of a table, off and back as it was: row of the journal and ALTER in one transaction.

The table's own lock comes before the look at its option. Without it a change by somebody else
between look and ALTER was lost in 4 of 600 trials (facts/tuning.md 3.5).
"""

from __future__ import annotations

from dataclasses import replace
from typing import LiteralString

import psycopg
from psycopg import sql

from loader.db import Connection, scalar
from tuning import journal
from tuning.change import (
    APPLIED,
    CHANGED,
    GONE,
    HELD,
    JOINED,
    RESTORED,
    SKIPPED,
    Change,
)
from tuning.holder import Holder
from tuning.journal import TABLE, Entry

MAIN, TOAST = "autovacuum_enabled", "toast.autovacuum_enabled"

# PostgreSQL keeps the spelling. People type false or off: what they set stays theirs.
OFF = "no"

Table = tuple[int, str, str]  # OID, schema, name

# After a dump and restore the OID is another one, and the option has come along.
_FIND: LiteralString = """
    SELECT relation.oid, namespace.nspname, relation.relname
    FROM pg_class AS relation
    INNER JOIN pg_namespace AS namespace ON relation.relnamespace = namespace.oid
    WHERE relation.oid IN (%(relid)s, to_regclass(%(object)s)) AND relation.relkind IN ('r', 'm')
    ORDER BY
        ops.table_option(relation.oid, %(name)s) IS NOT DISTINCT FROM %(applied)s DESC,
        relation.oid = %(relid)s DESC
    LIMIT 1
"""
_SAME: LiteralString = """
    SELECT EXISTS (
        SELECT FROM pg_class WHERE oid = %s AND relnamespace = to_regnamespace(quote_ident(%s))
        AND relname = %s
    )
"""


def statement(table: sql.Identifier, name: str, value: str | None) -> sql.Composed:
    """ALTER TABLE … SET or, without a value, RESET."""
    option = sql.SQL(TOAST) if name == TOAST else sql.SQL(MAIN)
    if value is None:
        return sql.SQL("ALTER TABLE {} RESET ({})").format(table, option)
    return sql.SQL("ALTER TABLE {} SET ({} = {})").format(table, option, sql.Literal(value))


def switch_off(
    connection: Connection, change: Change, holder: Holder, lock_seconds: float
) -> Change:
    """Do what was planned, unless the table is not any more as the plan saw it.

    Raises psycopg.Error: LockNotAvailable, InsufficientPrivilege …; then nothing was changed.
    """
    with journal.transaction(connection, lock_seconds):
        table = _find(connection, change.relid, None, change.name, None)
        if table is None or not _lock(connection, table):
            return replace(change, outcome=SKIPPED, detail="the table is gone")
        value = _option(connection, table, change.name)
        entry = journal.find(connection, TABLE, table[0], change.name)
        if entry and value != entry.applied_value:
            # Somebody has decided otherwise since: that is what to come back to.
            journal.close(connection, entry.id, CHANGED)
            entry = None
        if entry:
            journal.hold(connection, entry.id, holder)
            return replace(change, before=entry.prior_value, outcome=JOINED)
        if is_off(connection, value):
            return replace(change, before=value, outcome=SKIPPED, detail="off already, not by us")
        entry_id = journal.note(
            connection, TABLE, table[0], change.object, change.name, value, change.value
        )
        journal.hold(connection, entry_id, holder)
        _alter(connection, table, change.name, change.value)
        return replace(change, before=value, outcome=APPLIED)


def restore(
    connection: Connection, entry: Entry, own: int | None, lock_seconds: float
) -> str | None:
    """Compare and restore; returns the outcome, or None when somebody else has done it.

    Raises psycopg.Error; then nothing was changed and the row is still open.
    """
    with journal.transaction(connection, lock_seconds):
        table = _find(connection, entry.relid, entry.object, entry.name, entry.applied_value)
        if table and not _lock(connection, table):
            table = None
        if journal.locked(connection, entry.id) is None:
            return None
        if journal.let_go(connection, entry.id, own):
            return HELD
        outcome = _undo(connection, entry, table) if table else GONE
        journal.close(connection, entry.id, outcome)
        return outcome


def _undo(connection: Connection, entry: Entry, table: Table) -> str:
    if _option(connection, table, entry.name) == entry.applied_value:
        _alter(connection, table, entry.name, entry.prior_value)
        return RESTORED
    return CHANGED if table[0] == entry.relid else GONE


def is_off(connection: Connection, value: str | None) -> bool:
    """Whether a value, in whatever spelling, means off."""
    return value is not None and not scalar(connection, "SELECT %s::boolean", (value,))


def _find(
    connection: Connection, relid: int, object_name: str | None, name: str, applied: str | None
) -> Table | None:
    row = connection.execute(
        _FIND, {"relid": relid, "object": object_name, "name": name, "applied": applied}
    ).fetchone()
    return (int(row[0]), str(row[1]), str(row[2])) if row else None


def _lock(connection: Connection, table: Table) -> bool:
    """Against every other ALTER and against vacuum; False when the table was dropped."""
    try:
        with connection.transaction():
            connection.execute(
                sql.SQL("LOCK TABLE ONLY {} IN SHARE UPDATE EXCLUSIVE MODE").format(
                    sql.Identifier(*table[1:])
                )
            )
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
        return False
    # By its name: another one may have taken it while we waited.
    return bool(scalar(connection, _SAME, table))


def _option(connection: Connection, table: Table, name: str) -> str | None:
    value = scalar(connection, "SELECT ops.table_option(%s, %s)", (table[0], name))
    return None if value is None else str(value)


def _alter(connection: Connection, table: Table, name: str, value: str | None) -> None:
    connection.execute(statement(sql.Identifier(*table[1:]), name, value))
    found = _option(connection, table, name)
    if found != value:
        raise psycopg.DataError(f"{name} of {table[1]}.{table[2]} is {found} after ALTER TABLE")
