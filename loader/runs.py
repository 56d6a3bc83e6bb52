"""The ledger of runs: begin or continue one, note how its streams ended, close it."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass

from loader import __version__, epochs
from loader.db import Connection, scalar
from loader.errors import UsageError

# A nightly job starts a day after its predecessor: what is older was given up.
RESUME_HOURS = 12

UNFINISHED = ["running", "interrupted", "lost", "failed"]


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
    known = {row[0] for row in rows}
    if known and account_id not in known and not may_add:
        names = ", ".join(str(number) for number in sorted(known))
        raise UsageError(
            "this is not the account that the database holds",
            detail=f"AMO_BASE_URL answers as account {account_id}, the database holds {names}",
            hint="check AMO_BASE_URL and the database; --add-account takes a second account "
            "into the same database. Nothing was changed",
        )


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
    kind = {
        "mode": mode,
        "account_id": account_id,
        "base_url": base_url,
        "streams": list(streams),
        "statuses": [*UNFINISHED, "partial"] if resume else UNFINISHED,
        "hours": None if resume else RESUME_HOURS,
        "epoch": epochs.ensure(connection),
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "version": __version__,
    }
    with connection.transaction():
        if resume is not False:
            # A run that was transformed is closed: its pages may be gone from staging.
            run_id = scalar(
                connection,
                "UPDATE ops.runs SET status = 'running', resumed_at = now(), finished_at = NULL,"
                " exit_code = NULL, message = NULL, host = %(host)s, pid = %(pid)s"
                " WHERE id = (SELECT max(id) FROM ops.runs WHERE kind = 'load'"
                " AND mode = %(mode)s AND account_id = %(account_id)s AND streams = %(streams)s)"
                " AND transformed_by IS NULL AND status = ANY (%(statuses)s)"
                " AND (%(hours)s::integer IS NULL"
                " OR started_at > now() - make_interval(hours => %(hours)s)) RETURNING id",
                kind,
            )
            if run_id is not None:
                return Run(run_id, resumed=True)
        # The new run reads what these had begun to read; others may still be continued.
        connection.execute(
            "UPDATE ops.runs SET status = 'abandoned' WHERE kind = 'load'"
            " AND status = ANY (%(unfinished)s)"
            " AND (account_id = %(account_id)s AND streams <@ %(streams)s"
            " OR started_at < now() - make_interval(hours => %(resume_hours)s))",
            kind | {"unfinished": UNFINISHED, "resume_hours": RESUME_HOURS},
        )
        epochs.drop_spent_pages(connection)
        run_id = scalar(
            connection,
            "INSERT INTO ops.runs (kind, mode, account_id, base_url, streams, epoch, version,"
            " host, pid) VALUES ('load', %(mode)s, %(account_id)s, %(base_url)s, %(streams)s,"
            " %(epoch)s, %(version)s, %(host)s, %(pid)s) RETURNING id",
            kind,
        )
    return Run(run_id, resumed=False)


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


def ended_streams(connection: Connection, run: Run) -> dict[str, tuple[str, str]]:
    """(complete or skipped, message) of streams that need no request when a run is continued."""
    rows = connection.execute(
        "SELECT stream, status, coalesce(message, '') FROM ops.run_streams"
        " WHERE run_id = %s AND status <> 'failed'",
        (run.id,),
    )
    return {stream: (status, message) for stream, status, message in rows}


def finish(
    connection: Connection, run_id: int, status: str, exit_code: int | None, message: str
) -> None:
    """Close a run, load or transform."""
    connection.execute(
        "UPDATE ops.runs SET status = %s, exit_code = %s, message = %s, finished_at = now()"
        " WHERE id = %s",
        (status, exit_code, message or None, run_id),
    )
