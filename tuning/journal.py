"""The journal ops.tuning_journal: what was changed, what it was before, who still needs it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from psycopg import sql

from loader.db import Connection, scalar
from tuning.holder import Holder

TABLE, SYSTEM = "table", "system"

_ENTRY = sql.SQL(
    "SELECT id, kind, coalesce(relid, 0::oid), object, name, prior_value, applied_value, state"
    " FROM ops.tuning_journal WHERE closed_at IS NULL AND "
)


@dataclass(frozen=True, slots=True)
class Entry:
    """An open row. relid: 0 for the server; prior_value: None where it was not set."""

    id: int
    kind: str
    relid: int
    object: str
    name: str
    prior_value: str | None
    applied_value: str
    state: str


@contextmanager
def transaction(connection: Connection, lock_seconds: float) -> Iterator[None]:
    """A short one that is on disk when it is over and does not wait long for locks."""
    with connection.transaction():
        connection.execute(
            "SELECT set_config('lock_timeout', %s, true),"
            " set_config('synchronous_commit', 'on', true)",
            (f"{max(1, round(1000 * lock_seconds))}ms",),
        )
        yield


def open_entries(connection: Connection) -> list[Entry]:
    """All that is to be undone some day, tables first."""
    rows = connection.execute(_ENTRY + sql.SQL("true ORDER BY kind DESC, object, name"))
    return [Entry(*row) for row in rows]


def locked(connection: Connection, entry_id: int) -> Entry | None:
    """The row, locked; None when somebody has closed it meanwhile."""
    row = connection.execute(_ENTRY + sql.SQL("id = %s FOR UPDATE"), (entry_id,)).fetchone()
    return Entry(*row) if row else None


def find(connection: Connection, kind: str, relid: int, name: str) -> Entry | None:
    """The open row of an option or a setting, locked."""
    where = sql.SQL("kind = %s AND coalesce(relid, 0::oid) = %s AND name = %s FOR UPDATE")
    row = connection.execute(_ENTRY + where, (kind, relid, name)).fetchone()
    return Entry(*row) if row else None


def note(
    connection: Connection, kind: str, relid: int, object_name: str, name: str,
    prior: str | None, applied: str,
) -> int:  # fmt: skip
    """A new row. Of a table it is true when this transaction is; of the server an intent."""
    state = "applied" if kind == TABLE else "intent"
    return int(
        scalar(
            connection,
            "INSERT INTO ops.tuning_journal"
            " (kind, relid, object, name, prior_set, prior_value, applied_value, state)"
            " VALUES (%s, nullif(%s::oid, 0::oid), %s, %s, %s, %s, %s, %s) RETURNING id",
            (kind, relid, object_name, name, prior is not None, prior, applied, state),
        )
    )


def hold(connection: Connection, entry_id: int, holder: Holder) -> None:
    """A second hold of the same one moves its deadline only later."""
    connection.execute(
        "INSERT INTO ops.tuning_holders (journal_id, key, pid, deadline)"
        " VALUES (%s, %s, %s, clock_timestamp() + %s * interval '1 hour')"
        " ON CONFLICT ON CONSTRAINT tuning_holders_pkey"
        " DO UPDATE SET deadline = greatest(tuning_holders.deadline, excluded.deadline)",
        (entry_id, holder.key, holder.pid, holder.hours),
    )


def let_go(connection: Connection, entry_id: int, own: int | None) -> bool:
    """Forget our hold and those of the dead; says whether anybody is left."""
    connection.execute(
        "DELETE FROM ops.tuning_holders AS holder USING ops.tuning_holds AS hold"
        " WHERE holder.journal_id = %s AND hold.journal_id = holder.journal_id"
        " AND hold.key = holder.key AND (NOT hold.is_alive OR hold.key = %s)",
        (entry_id, own),
    )
    left = "SELECT EXISTS (SELECT FROM ops.tuning_holders WHERE journal_id = %s)"
    return bool(scalar(connection, left, (entry_id,)))


def confirm(connection: Connection, entry_id: int) -> None:
    """An intent has come true."""
    connection.execute("UPDATE ops.tuning_journal SET state = 'applied' WHERE id = %s", (entry_id,))


def close(connection: Connection, entry_id: int, outcome: str) -> None:
    """Done with; the row stays as a record."""
    connection.execute("DELETE FROM ops.tuning_holders WHERE journal_id = %s", (entry_id,))
    connection.execute(
        "UPDATE ops.tuning_journal SET state = 'closed', outcome = %s, last_error = NULL,"
        " closed_at = clock_timestamp() WHERE id = %s",
        (outcome, entry_id),
    )


def fail(connection: Connection, entry_id: int, error: str) -> None:
    """It stays open, and the next recovery tries again."""
    connection.execute(
        "UPDATE ops.tuning_journal SET last_error = %s WHERE id = %s AND closed_at IS NULL",
        (error, entry_id),
    )
