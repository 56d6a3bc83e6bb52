"""The summary of a night: what was read, what became of the rows, what each step cost."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any, LiteralString

from psycopg.rows import dict_row

from loader import cost, report
from loader.db import Connection

Rows = list[dict[str, Any]]

# A stream without a row in ops.counters brought nothing to this transform. Rejects are values
# that fit no type; rejected in the equation are whole entities, of which no id could be read.
_STREAMS: LiteralString = """
    SELECT
        tally.stream,
        tally.staged AS rows_read,
        tally.inserted,
        tally.updated,
        tally.unchanged,
        tally.superseded,
        tally.rejected,
        coalesce(value.rejects, 0) AS rejects,
        coalesce(gone.deleted, 0) AS deleted
    FROM (
        SELECT
            stream,
            coalesce(sum(value) FILTER (WHERE counter = 'staged'), 0)::bigint AS staged,
            coalesce(sum(value) FILTER (WHERE counter = 'inserted'), 0)::bigint AS inserted,
            coalesce(sum(value) FILTER (WHERE counter = 'updated'), 0)::bigint AS updated,
            coalesce(sum(value) FILTER (WHERE counter = 'unchanged'), 0)::bigint AS unchanged,
            coalesce(sum(value) FILTER (WHERE counter = 'superseded'), 0)::bigint AS superseded,
            coalesce(sum(value) FILTER (WHERE counter = 'rejected'), 0)::bigint AS rejected
        FROM ops.counters
        WHERE run_id = %(transform)s
        GROUP BY stream
    ) AS tally
    LEFT JOIN (
        SELECT stream, count(*) AS rejects
        FROM ops.rejects
        WHERE run_id IN (%(load)s, %(transform)s)
        GROUP BY stream
    ) AS value
        ON tally.stream = value.stream
    LEFT JOIN (
        SELECT stream, count(*) AS deleted
        FROM ops.deletions
        WHERE run_id = %(load)s
        GROUP BY stream
    ) AS gone
        ON tally.stream = gone.stream
    LEFT JOIN ops.streams AS declared
        ON tally.stream = declared.name
    ORDER BY declared.position, tally.stream
"""

# Each file of explode and normalise goes through the same list, each of merge through its own.
_STEPS: LiteralString = """
    SELECT
        step,
        CASE step
            WHEN '3_merge' THEN sum(rows_in) WHEN '1_explode' THEN max(rows_in)
            WHEN '2_normalise' THEN max(rows_in)
        END::bigint AS rows_in,
        sum(inserted)::bigint AS inserted,
        sum(updated)::bigint AS updated,
        CASE step
            WHEN '3_merge' THEN sum(unchanged)
            WHEN '1_explode' THEN (
                SELECT sum(value) FROM ops.counters
                WHERE run_id = %(transform)s AND counter = 'unchanged'
            )
        END::bigint AS unchanged,
        sum(deleted)::bigint AS deleted,
        sum(rejected)::bigint AS rejects,
        sum(wal_bytes)::bigint AS wal_bytes,
        sum(seconds) AS seconds
    FROM (
        SELECT split_part(name, '/', 2) AS step, transforms.*
        FROM ops.transforms
        WHERE run_id = %(transform)s
    ) AS file
    GROUP BY step
    ORDER BY min(started_at)
"""


def as_json(
    connection: Connection, load_run_id: int, transform_run_id: int, seconds: float
) -> dict[str, Any]:
    """The whole night; seconds: of all of it, as it was measured."""
    runs = {"load": load_run_id, "transform": transform_run_id}
    read = report.load_streams(connection, load_run_id)
    return {
        "schema": "amo-refresh/run/1",
        "load_run_id": load_run_id,
        "transform_run_id": transform_run_id,
        "seconds": round(seconds, 3),
        "read": read,
        "rows": _ask(connection, _STREAMS, runs),
        "steps": _ask(connection, _STEPS, runs),
        "metrics": cost.load_metrics(connection, load_run_id, read),
    }


def night(connection: Connection, load_run_id: int, transform_run_id: int, seconds: float) -> str:
    """The same for a person: three tables of at most 80 columns, and what it cost."""
    return as_text(as_json(connection, load_run_id, transform_run_id, seconds))


def as_text(whole: dict[str, Any]) -> str:
    """For who has the summary of as_json already."""
    rows = whole["rows"]
    parts = (
        report.load_table(whole["read"]),
        *_notes(whole),
        "\n" + _rows_table(rows),
        _counted("not found any more, marked as deleted", rows, "deleted"),
        _counted("values that fit no type, in ops.rejects", rows, "rejects"),
        "\n" + _steps_table(whole["steps"]),
        "\n" + cost.lines(whole["metrics"]),
        _last_line(whole),
    )
    return "\n".join(filter(None, parts))


def _ask(connection: Connection, query: LiteralString, runs: dict[str, int]) -> Rows:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, runs).fetchall()


def _notes(whole: dict[str, Any]) -> list[str]:
    """What ended otherwise, and pages of earlier loads."""
    notes = [f"{s['stream']} {s['status']}: {s['message']}" for s in whole["read"] if s["message"]]
    staged = sum(row["rows_read"] for row in whole["rows"])
    earlier = staged - report.total(whole["read"])["rows"]
    if earlier > 0:
        notes.append(f"{earlier} rows more waited in staging, from earlier loads")
    return notes


def _rows_table(streams: Rows) -> str:
    """read = insert + update + same + dup + reject, by stream."""
    head = ("stream", "read", "insert", "update", "same", "dup", "reject")
    keys = ("rows_read", "inserted", "updated", "unchanged", "superseded", "rejected")
    rows = [(row["stream"], *(_blank(row[key]) for key in keys)) for row in streams]
    return report.table(head, rows, ("total", *(_blank(_sum(streams, key)) for key in keys)))


def _counted(what: str, streams: Rows, key: str) -> str:
    """By stream, where there is any; wrapped, since a bad night has many."""
    text = ", ".join(f"{row['stream']} {row[key]}" for row in streams if row[key])
    return textwrap.fill(f"{what}: {text}", 80, subsequent_indent="  ") if text else ""


def _steps_table(steps: Rows) -> str:
    head = ("step", "rows in", "insert", "update", "same", "delete", "reject", "WAL MB", "time")
    keys = ("rows_in", "inserted", "updated", "unchanged", "deleted", "rejects")
    rows = [(_name(step["step"]), *_step_cells(step, keys)) for step in steps]
    sums = {key: _sum(steps, key) for key in (*keys, "wal_bytes", "seconds")}
    # Each step takes the rows of the one before it.
    foot = _step_cells(sums | {"rows_in": None, "unchanged": None}, keys)
    return report.table(head, rows, ("total", *foot))


def _step_cells(step: dict[str, Any], keys: Sequence[str]) -> tuple[object, ...]:
    wal, seconds = report.megabytes(step["wal_bytes"]), report.duration(step["seconds"])
    return (*(_blank(step[key]) for key in keys), wal, seconds)


def _last_line(whole: dict[str, Any]) -> str:
    refused = whole["metrics"]["requests_by_status"].get("429", 0)
    wal = report.megabytes(_sum(whole["steps"], "wal_bytes"))
    return f"answers 429: {refused}; WAL {wal} MB; done in {_clock(whole['seconds'])}"


def _clock(seconds: float) -> str:
    if seconds < 99.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min {rest} s"


def _name(step: str) -> str:
    return step.partition("_")[2]


def _sum(rows: Rows, key: str) -> Any:
    return sum(row[key] or 0 for row in rows)


def _blank(number: int | None) -> int | None:
    """A nought in every second place would hide the numbers."""
    return number or None
