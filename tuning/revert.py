"""Undo what nobody needs any more: as the end of a run, as a recovery, or as a person asks."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import psycopg
from psycopg import sql

from loader.db import Connection, scalar
from tuning import journal, system, tables
from tuning.apply import LOCK_SECONDS, ROUNDS
from tuning.change import BUSY, FAILED, HELD, RESTORED, Change
from tuning.journal import TABLE, Entry

logger = logging.getLogger("amo.tune")


@dataclass(frozen=True, slots=True)
class Leaving:
    """key: of the holder that leaves; None: nobody does, only what the dead left is undone."""

    key: int | None = None
    patience_seconds: float = 15.0


def revert(connection: Connection, leaving: Leaving) -> list[Change]:
    """All open rows; what another one still needs stays. The result of each.

    Nothing raises but a lost connection: what could not be undone is noted in its row.
    """
    entries = journal.open_entries(connection)
    results: dict[int, Change] = {}
    ends = time.monotonic() + leaving.patience_seconds
    for _ in range(ROUNDS):
        for entry in entries:
            if entry.id not in results or results[entry.id].outcome == BUSY:
                left = max(0.05, min(LOCK_SECONDS, ends - time.monotonic()))
                if change := _one(connection, entry, leaving.key, left):
                    results[entry.id] = change
        if all(one.outcome != BUSY for one in results.values()) or time.monotonic() > ends:
            break
    return list(results.values())


def recover(connection: Connection) -> None:
    """At the start of every command: undo what a dead run left. Warns, and never fails it.

    A role that only loads may change no table: it leaves that to the next transform.
    """
    try:
        if not scalar(connection, "SELECT has_table_privilege('ops.tuning_journal', 'UPDATE')"):
            return
        results = revert(connection, Leaving(patience_seconds=LOCK_SECONDS))
    except psycopg.Error as exc:
        if connection.closed:
            raise
        logger.warning("bin/tune status: %s", exc.diag.message_primary or exc)
        return
    for change in results:
        if change.outcome != HELD:
            level = logging.INFO if change.outcome == RESTORED else logging.WARNING
            logger.log(level, "%s", describe(change))


def describe(change: Change) -> str:
    """One line for a log."""
    words = f"{change.name} of {change.object}: {change.outcome}"
    return f"{words} ({change.detail})" if change.detail else words


def would(connection: Connection, leaving: Leaving) -> list[Change]:
    """What revert would try, by the journal alone: no lock is taken."""
    changes = []
    for entry in journal.open_entries(connection):
        others = connection.execute(
            "SELECT pid FROM ops.tuning_holds WHERE journal_id = %s AND is_alive"
            " AND key IS DISTINCT FROM %s",
            (entry.id, leaving.key),
        ).fetchall()
        is_held = bool(others) and entry.state != "intent"
        changes.append(_change(entry, HELD if is_held else "planned", _needed_by(others)))
    return changes


def vacuum(connection: Connection, changes: Iterable[Change]) -> list[str]:
    """VACUUM (ANALYZE) of the tables whose autovacuum is on again; returns what was left out."""
    left_out = []
    names = {c.object: c.relid for c in changes if c.kind == TABLE and c.outcome == RESTORED}
    for name, relid in sorted(names.items()):
        row = connection.execute(
            "SELECT nspname, relname FROM pg_class INNER JOIN pg_namespace AS namespace"
            " ON namespace.oid = relnamespace WHERE pg_class.oid = %s",
            (relid,),
        ).fetchone()
        if row is None:
            continue
        try:
            connection.execute(sql.SQL("VACUUM (ANALYZE) {}").format(sql.Identifier(*row)))
        except psycopg.Error as exc:
            if connection.closed:
                raise
            left_out.append(f"{name}: {exc.diag.message_primary}")
    return left_out


def _one(
    connection: Connection, entry: Entry, key: int | None, lock_seconds: float
) -> Change | None:
    undo = tables.restore if entry.kind == TABLE else system.restore
    try:
        outcome = undo(connection, entry, key, lock_seconds)
    except psycopg.Error as exc:
        if connection.closed:
            raise
        detail = str(exc.diag.message_primary or exc)
        journal.fail(connection, entry.id, detail)
        is_busy = isinstance(exc, psycopg.errors.LockNotAvailable)
        return _change(entry, BUSY if is_busy else FAILED, detail)
    if outcome is None:
        return None
    return _change(entry, outcome, _why(connection, entry, outcome))


def _why(connection: Connection, entry: Entry, outcome: str) -> str:
    if outcome != HELD:
        return ""
    holds = "SELECT pid FROM ops.tuning_holds WHERE journal_id = %s AND is_alive"
    return _needed_by(connection.execute(holds, (entry.id,)).fetchall())


def _needed_by(holds: Sequence[tuple[int | None]]) -> str:
    words = ["bin/tune apply" if pid is None else f"backend pid {pid}" for (pid,) in holds]
    return "needed by " + ", ".join(words) if words else ""


def _change(entry: Entry, outcome: str, detail: str) -> Change:
    if entry.kind == TABLE:
        table = sql.Identifier(*entry.object.split(".", 1))
        statement = tables.statement(table, entry.name, entry.prior_value)
    else:
        statement = system.statement(entry.name, entry.prior_value)
    return Change(
        kind=entry.kind,
        object=entry.object,
        name=entry.name,
        before=entry.prior_value,
        statement=statement.as_string(None),
        outcome=outcome,
        detail=detail,
        relid=entry.relid,
        value=entry.applied_value,
    )
