"""How things stand, read from the views of ops: for bin/status and for the metrics."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, LiteralString

from psycopg import errors

from loader import __version__
from loader.db import Connection
from loader.errors import StaleError

Values = dict[str, Any]

_RUNS: LiteralString = """
    SELECT
        run.account_id, run.kind, run.run_id, run.mode, run.status, run.exit_code,
        run.started_at, run.finished_at, run.seconds, now() - run.finished_at AS age,
        (
            SELECT max(success.finished_at) FROM ops.runs AS success
            WHERE success.kind = run.kind AND success.status = 'ok'
                AND success.account_id IS NOT DISTINCT FROM run.account_id
        ) AS last_success,
        run.rows_read, run.inserted, run.updated, run.deleted, run.rejected, run.wal_bytes,
        run.requests, run.rate, run.rate_limit, run.rate_share, run.message, ledger.base_url
    FROM ops.v_runs AS run
    INNER JOIN ops.runs AS ledger ON run.run_id = ledger.id
    WHERE run.run_id IN (
        SELECT max(id) FROM ops.runs WHERE mode <> 'by hand' GROUP BY kind, account_id
    )
    -- A night that ended before its account was known is told until the next one.
    AND (
        run.kind <> 'refresh' OR run.account_id IS NOT NULL
        OR run.run_id = (SELECT max(id) FROM ops.runs WHERE kind = 'refresh')
    )
    ORDER BY run.account_id NULLS LAST, array_position('{refresh,load,transform}', run.kind)
"""
_REQUESTS: LiteralString = """
    SELECT run.account_id, request.run_id, request.status, sum(request.requests)::bigint AS requests
    FROM ops.run_requests AS request
    INNER JOIN ops.runs AS run ON request.run_id = run.id
    WHERE request.run_id IN (SELECT max(id) FROM ops.runs WHERE kind = 'load' GROUP BY account_id)
    GROUP BY run.account_id, request.run_id, request.status
    ORDER BY run.account_id, request.status
"""
_TUNING: LiteralString = """
    SELECT known.state, count(found.state) AS count
    FROM unnest('{held,overdue,orphaned,foreign}'::text[]) AS known (state)
    LEFT JOIN ops.tuning_watchdog AS found ON known.state = found.state
    GROUP BY known.state
"""
_SIZES: LiteralString = """
    SELECT part, sum(bytes)::bigint AS bytes
    FROM ops.v_sizes
    CROSS JOIN LATERAL unnest(
        ARRAY[schema, CASE WHEN schema = 'amo' AND name = 'documents' THEN 'documents' END]
    ) AS part
    WHERE part IS NOT NULL
    GROUP BY part
    ORDER BY part
"""
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def read(connection: Connection) -> Values:
    """All of it in plain values, as docs/MONITORING.md describes it; writes nothing."""
    with connection.transaction():
        document: Values = {
            "schema": "amo-status/1",
            "version": __version__,
            "now": _rows(connection, "SELECT now() AS now")[0]["now"],
            "runs": _rows(connection, _RUNS),
            "running": _rows(connection, "SELECT * FROM ops.v_progress"),
            "streams": _rows(
                connection, "SELECT * FROM ops.v_stream_details ORDER BY account_id, position"
            ),
            "requests": _rows(connection, _REQUESTS),
            "rejects": _rows(connection, "SELECT * FROM ops.v_rejects"),
            "drift": _rows(connection, "SELECT * FROM ops.v_drift"),
            "tuning": {row["state"]: row["count"] for row in _rows(connection, _TUNING)},
        }
    return document | {"bytes": _sizes(connection)}


def late(streams: Iterable[Values], max_seconds: float, names: Sequence[str] = ()) -> list[Values]:
    """The streams whose last success is older, or that had none; names: only these."""
    return [
        stream
        for stream in streams
        if (stream["stream"] in names if names else stream["is_expected"])
        and (stream["age"] is None or stream["age"] > max_seconds)
    ]


def require_fresh(document: Values, max_seconds: float, names: Sequence[str] = ()) -> None:
    """Raises StaleError naming the streams that are older."""
    streams = document["streams"]
    never = sorted(set(names) - {stream["stream"] for stream in streams})
    old = late(streams, max_seconds, names)
    detail = [f"{name}: never read" for name in never]
    detail += [f"{stream['stream']}: {_last(stream)}" for stream in old]
    if not (names or any(stream["is_expected"] for stream in streams)):
        detail.append("no full load has begun yet")
    if not detail:
        return
    if not (old or never):
        what = "nothing was read yet"
    elif len(detail) == 1:
        what = f"1 stream is older than {span(max_seconds)}"
    else:
        what = f"{len(detail)} streams are older than {span(max_seconds)}"
    raise StaleError(
        what,
        detail="\n".join(detail),
        hint="bin/load reads them; bin/status -v says how the last one ended",
    )


def seconds(text: str) -> float:
    """26h, 90m, 2d, 45s; a plain number is hours. Raises ValueError."""
    match = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)([smhd]?)", text.strip(), re.ASCII)
    if match is None or float(match[1]) == 0:
        raise ValueError(f"{text!r} is not a time")
    return float(match[1]) * _SECONDS[match[2] or "h"]


def span(value: float) -> str:
    """Seconds in at most six characters: 45s, 12m, 26h05m, 12d."""
    if value < 60:
        return f"{value:.0f}s"
    minutes = round(value / 60)
    if minutes < 60:
        return f"{minutes}m"
    hours, rest = divmod(minutes, 60)
    if hours < 48:
        return f"{hours}h{rest:02d}m" if rest else f"{hours}h"
    return f"{round(hours / 24)}d"


def _last(stream: Values) -> str:
    return "never read to its end" if stream["age"] is None else f"{span(stream['age'])} ago"


def _sizes(connection: Connection) -> Values:
    """Bytes by schema, and of amo.documents; nothing when a table is just being locked."""
    try:
        return {row["part"]: row["bytes"] for row in _rows(connection, _SIZES)}
    except errors.LockNotAvailable:
        return {}


def _rows(connection: Connection, query: LiteralString) -> list[Values]:
    cursor = connection.execute(query)
    names = [column.name for column in cursor.description or ()]
    return [dict(zip(names, map(_plain, row), strict=True)) for row in cursor]


def _plain(value: object) -> object:
    """As JSON has it: times as ISO 8601, spans as seconds."""
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, timedelta):
        return round(value.total_seconds())
    if isinstance(value, (Decimal, float)):
        return round(float(value), 3)
    return value
