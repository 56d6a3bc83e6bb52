"""The ledger of runs: begin or continue one, note how its streams ended, close it."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from psycopg.pq import TransactionStatus

from loader import __version__, epochs
from loader.db import Connection
from loader.errors import UsageError

logger = logging.getLogger("amo.runs")

# A nightly job starts a day after its predecessor: what is older was given up.
RESUME_HOURS = 12

UNFINISHED = ["running", "interrupted", "lost", "failed"]


@dataclass(frozen=True, slots=True)
class Run:
    """One load; resumed is true when it continues an earlier process.

    as_of is amoCRM's clock when it began, in Unix seconds: what is read is complete up to there.
    """

    id: int
    account_id: int
    as_of: int
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
            hint="check AMO_BASE_URL and the database; bin/load --add-account takes a second"
            " account into the same database. Nothing was changed",
        )


def may_resume(connection: Connection, resume: bool | None) -> bool:
    """Is there, perhaps, a load to be continued? What it has must not be asked for again."""
    row = connection.execute(
        "SELECT FROM ops.runs WHERE kind = 'load' AND transformed_by IS NULL"
        " AND status = ANY (%s) LIMIT 1",
        ([*UNFINISHED, "partial"] if resume else UNFINISHED,),
    ).fetchone()
    return row is not None and resume is not False


def begin(
    connection: Connection,
    *,
    mode: str,
    account_id: int,
    base_url: str,
    streams: Sequence[str],
    resume: bool | None,
    as_of: datetime | None = None,
    companies: Sequence[str] | None = None,
    refreshed_by: int | None = None,
) -> Run:
    """Continue the newest unfinished load of the same kind, or begin a new one.

    companies: the expressions of a load of chosen ones, in one spelling; None: of all.
    resume: True also takes one that is old or ended in part, False never, None is the default.
    as_of: amoCRM's clock; where it did not say the time, ours is taken.
    refreshed_by: the refresh that the load is a part of.
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
        "as_of": as_of,
        "companies": None if companies is None else list(companies),
        "refreshed_by": refreshed_by,
    }
    with connection.transaction():
        if resume is not False:
            # A run that was transformed is closed: its pages may be gone from staging.
            row = connection.execute(
                "UPDATE ops.runs SET status = 'running', resumed_at = now(), finished_at = NULL,"
                " exit_code = NULL, message = NULL, host = %(host)s, pid = %(pid)s,"
                " refreshed_by = %(refreshed_by)s"
                " WHERE id = (SELECT max(id) FROM ops.runs WHERE kind = 'load'"
                " AND mode = %(mode)s AND account_id = %(account_id)s AND streams = %(streams)s"
                " AND companies IS NOT DISTINCT FROM %(companies)s::text[])"
                " AND transformed_by IS NULL AND status = ANY (%(statuses)s)"
                " AND (%(hours)s::integer IS NULL"
                " OR started_at > now() - make_interval(hours => %(hours)s))"
                " RETURNING id, extract(epoch FROM as_of)::bigint",
                kind,
            ).fetchone()
            if row is not None:
                return Run(row[0], account_id, row[1], resumed=True)
        # The new run reads what these had begun to read; others may still be continued.
        connection.execute(
            "WITH given_up AS (UPDATE ops.runs SET status = 'abandoned' WHERE kind = 'load'"
            " AND status = ANY (%(unfinished)s)"
            " AND (account_id = %(account_id)s AND streams <@ %(streams)s"
            " AND (%(companies)s::text[] IS NULL OR companies = %(companies)s::text[])"
            " OR started_at < now() - make_interval(hours => %(resume_hours)s)) RETURNING id)"
            " SELECT ops.take_back_watermarks(array_agg(id)) FROM given_up",
            kind | {"unfinished": UNFINISHED, "resume_hours": RESUME_HOURS},
        )
        epochs.drop_spent_pages(connection)
        row = connection.execute(
            "INSERT INTO ops.runs (kind, mode, account_id, base_url, streams, epoch, version,"
            " host, pid, as_of, companies, refreshed_by)"
            " VALUES ('load', %(mode)s, %(account_id)s, %(base_url)s, %(streams)s, %(epoch)s,"
            " %(version)s, %(host)s, %(pid)s, coalesce(%(as_of)s, now()),"
            " %(companies)s::text[], %(refreshed_by)s)"
            " RETURNING id, extract(epoch FROM as_of)::bigint",
            kind,
        ).fetchone()
    assert row is not None  # noqa: S101 - INSERT … RETURNING gives a row
    return Run(row[0], account_id, row[1], resumed=False)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a stream of a load ended."""

    status: str  # complete, skipped or failed
    message: str
    seconds: float
    is_whole: bool = False  # all of it was read, not only what had changed
    moves_watermark: bool = False


def end_stream(connection: Connection, run: Run, stream: str, ended: Ended) -> None:
    """Note how a stream ended, and move its watermark, in one transaction."""
    connection.execute(
        "WITH before AS (SELECT watermark FROM ops.watermarks"
        " WHERE account_id = %(account_id)s AND stream = %(stream)s),"
        " moved AS (INSERT INTO ops.watermarks AS known (account_id, stream, watermark, run_id)"
        " SELECT %(account_id)s, %(stream)s, as_of, id FROM ops.runs"
        " WHERE id = %(run_id)s AND %(moves_watermark)s"
        " ON CONFLICT ON CONSTRAINT watermarks_pkey DO UPDATE SET moved_at = now(),"
        " watermark = greatest(known.watermark, excluded.watermark), run_id = excluded.run_id"
        " RETURNING watermark)"
        " INSERT INTO ops.run_streams (run_id, stream, status, message, seconds, is_whole,"
        " watermark, watermark_before) VALUES (%(run_id)s, %(stream)s, %(status)s, %(message)s,"
        " %(seconds)s, %(is_whole)s, (TABLE moved), (TABLE before))"
        " ON CONFLICT ON CONSTRAINT run_streams_pkey DO UPDATE SET"
        " status = excluded.status, message = excluded.message, seconds = excluded.seconds,"
        " is_whole = excluded.is_whole, watermark = excluded.watermark,"
        " watermark_before = excluded.watermark_before, finished_at = now()",
        asdict(ended)
        | {
            "run_id": run.id,
            "account_id": run.account_id,
            "stream": stream,
            "message": ended.message or None,
        },
    )


def ended_streams(connection: Connection, run: Run) -> dict[str, Ended]:
    """Streams that need no request when a run is continued."""
    rows = connection.execute(
        "SELECT stream, status, coalesce(message, ''), seconds, is_whole FROM ops.run_streams"
        " WHERE run_id = %s AND status <> 'failed'",
        (run.id,),
    )
    return {stream: Ended(*values) for stream, *values in rows}


def watermarks(connection: Connection, run: Run) -> dict[str, int]:
    """How far each stream has been read, in Unix seconds."""
    rows = connection.execute(
        "SELECT stream, floor(extract(epoch FROM watermark))::bigint FROM ops.watermarks"
        " WHERE account_id = %s",
        (run.account_id,),
    )
    return dict(rows.fetchall())


def finish(
    connection: Connection, run_id: int, status: str, exit_code: int | None, message: str
) -> None:
    """Close a run, whatever it is."""
    connection.execute(
        "UPDATE ops.runs SET status = %s, exit_code = %s, message = %s,"
        " finished_at = clock_timestamp() WHERE id = %s",
        (status, exit_code, message or None, run_id),
    )
    if connection.info.transaction_status == TransactionStatus.IDLE:
        log_end(connection, run_id)


def log_end(connection: Connection, run_id: int) -> None:
    """Tell the log how a run ended; after the commit, if it was closed within a transaction."""
    row = connection.execute(
        "SELECT kind, status, extract(epoch FROM finished_at - coalesce(resumed_at, started_at))"
        "::float8 FROM ops.runs WHERE id = %s",
        (run_id,),
    ).fetchone()
    kind, status, seconds = row or ("run", "unknown", 0.0)
    fields = {"run_id": run_id, "status": status, "seconds": round(seconds, 3)}
    logger.info("%s %s ended: %s, %.1f s", kind, run_id, status, seconds, extra=fields)
