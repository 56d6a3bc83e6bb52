"""The ledger of runs: begin or continue one, note how its streams ended, close it."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass

from loader import __version__
from loader.db import Connection, scalar
from loader.errors import UsageError

# A nightly job starts a day after its predecessor: what is older was given up.
RESUME_HOURS = 12

_UNFINISHED = ["running", "interrupted", "lost", "failed"]


@dataclass(frozen=True, slots=True)
class Run:
    """One load; resumed is true when it continues an earlier process."""

    id: int
    resumed: bool


def check_account(connection: Connection, account_id: int, *, may_add: bool) -> None:
    """Refuse an account that this database does not know, unless it is empty.

    Raises UsageError: AMO_BASE_URL points to another account by mistake more often than
    two accounts share a database on purpose.
    """
    rows = connection.execute(
        "SELECT DISTINCT account_id FROM ops.runs WHERE kind = 'load' AND account_id IS NOT NULL"
    ).fetchall()
    known = {int(str(row[0])) for row in rows}
    if known and account_id not in known and not may_add:
        names = ", ".join(str(number) for number in sorted(known))
        raise UsageError(
            "this is not the account that the database holds",
            detail=f"AMO_BASE_URL answers as account {account_id}, the database holds {names}",
            hint="check AMO_BASE_URL and the database; --add-account takes a second account "
            "into the same database. Nothing was changed",
        )


def ensure_epoch(connection: Connection) -> str:
    """The epoch of the staging tables; a new one means that a server crash emptied them.

    Pages of untransformed loads that vanished are marked lost, and their runs with them.
    """
    with connection.transaction():
        connection.execute("LOCK TABLE staging.epoch IN SHARE ROW EXCLUSIVE MODE")
        epoch = scalar(connection, "SELECT epoch FROM staging.epoch LIMIT 1")
        if epoch is None:
            epoch = scalar(
                connection,
                "INSERT INTO staging.epoch (epoch) VALUES (gen_random_uuid()) RETURNING epoch",
            )
        connection.execute(
            "WITH lost AS (UPDATE ops.runs SET status = 'lost', epoch = %(epoch)s"
            " WHERE kind = 'load' AND transformed_by IS NULL AND status <> 'abandoned'"
            " AND epoch IS DISTINCT FROM %(epoch)s RETURNING id),"
            " page AS (UPDATE ops.pages SET status = 'lost'"
            " WHERE status = 'staged' AND run_id IN (SELECT id FROM lost))"
            " DELETE FROM ops.run_streams WHERE run_id IN (SELECT id FROM lost)",
            {"epoch": epoch},
        )
    return str(epoch)


def begin(
    connection: Connection,
    *,
    mode: str,
    account_id: int,
    base_url: str,
    streams: Sequence[str],
    resume: bool | None,
) -> Run:
    """Continue the newest unfinished load of the same kind, or begin a new one.

    resume: True also takes one that is old or ended in part, False never, None is the default.
    """
    epoch = ensure_epoch(connection)
    kind = {
        "mode": mode,
        "account_id": account_id,
        "base_url": base_url,
        "streams": list(streams),
        "statuses": [*_UNFINISHED, "partial"] if resume else _UNFINISHED,
        "hours": 24 * 365 if resume else RESUME_HOURS,
        "epoch": epoch,
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "version": __version__,
    }
    with connection.transaction():
        if resume is not False:
            run_id = scalar(
                connection,
                "UPDATE ops.runs SET status = 'running', resumed_at = now(), finished_at = NULL,"
                " exit_code = NULL, message = NULL, transformed_by = NULL,"
                " host = %(host)s, pid = %(pid)s"
                " WHERE id = (SELECT max(id) FROM ops.runs WHERE kind = 'load'"
                " AND mode = %(mode)s AND account_id = %(account_id)s AND streams = %(streams)s)"
                " AND status = ANY (%(statuses)s)"
                " AND started_at > now() - make_interval(hours => %(hours)s) RETURNING id",
                kind,
            )
            if run_id is not None:
                return Run(int(str(run_id)), resumed=True)
        connection.execute(
            "UPDATE ops.runs SET status = 'abandoned' WHERE kind = 'load' AND mode = %(mode)s"
            " AND account_id = %(account_id)s AND status = ANY (%(statuses)s)",
            kind | {"statuses": _UNFINISHED},
        )
        _drop_spent_pages(connection)
        run_id = scalar(
            connection,
            "INSERT INTO ops.runs (kind, mode, account_id, base_url, streams, epoch, version,"
            " host, pid) VALUES ('load', %(mode)s, %(account_id)s, %(base_url)s, %(streams)s,"
            " %(epoch)s, %(version)s, %(host)s, %(pid)s) RETURNING id",
            kind,
        )
    return Run(int(str(run_id)), resumed=False)


def end_stream(
    connection: Connection, run: Run, stream: str, status: str, message: str, seconds: float
) -> None:
    """Note that a stream is complete, skipped or failed."""
    connection.execute(
        "INSERT INTO ops.run_streams (run_id, stream, status, message, seconds)"
        " VALUES (%s, %s, %s, %s, %s) ON CONFLICT ON CONSTRAINT run_streams_pkey DO UPDATE SET"
        " status = excluded.status, message = excluded.message, seconds = excluded.seconds,"
        " finished_at = now()",
        (run.id, stream, status, message or None, seconds),
    )


def finished_streams(connection: Connection, run: Run) -> set[str]:
    """Streams that need no request when a run is continued."""
    rows = connection.execute(
        "SELECT stream FROM ops.run_streams WHERE run_id = %s AND status <> 'failed'", (run.id,)
    )
    return {str(row[0]) for row in rows}


def finish(connection: Connection, run_id: int, status: str, exit_code: int, message: str) -> None:
    """Close a run, load or transform."""
    connection.execute(
        "UPDATE ops.runs SET status = %s, exit_code = %s, message = %s, finished_at = now()"
        " WHERE id = %s",
        (status, exit_code, message or None, run_id),
    )


def _drop_spent_pages(connection: Connection) -> None:
    """Empty staging when no load in it still waits for its transform."""
    waiting = scalar(
        connection,
        "SELECT count(*) FROM ops.runs WHERE kind = 'load' AND transformed_by IS NULL"
        " AND status <> 'abandoned'",
    )
    if waiting == 0:
        connection.execute("TRUNCATE staging.pages")
