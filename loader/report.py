"""The tables a person reads at the end of a run, and the same as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from loader.db import Connection

Row = tuple[object, ...]

_NUMBERS = (
    "pages", "rows", "bytes", "requests", "wait_seconds", "http_seconds", "copy_seconds",
    "rejects",
)  # fmt: skip


def load_streams(connection: Connection, run_id: int) -> list[dict[str, Any]]:
    """One dictionary per stream of a load, in the order of the streams.

    rejects: values that could not even be staged; what does not fit a type, the transform finds.
    """
    cursor = connection.execute(
        "SELECT stream, status, pages, rows, bytes, requests, wait_seconds, http_seconds,"
        " copy_seconds, message, (SELECT count(*) FROM ops.rejects"
        " WHERE rejects.run_id = load_summary.run_id AND rejects.stream = load_summary.stream)"
        " AS rejects FROM ops.load_summary WHERE run_id = %s ORDER BY position",
        (run_id,),
    )
    names = [column.name for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor]


def total(streams: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The sums over all streams of a load."""
    return {key: sum(stream[key] for stream in streams) for key in _NUMBERS}


def load_summary(streams: Sequence[dict[str, Any]], seconds: float) -> str:
    """The table of a load with its notes, 80 columns wide."""
    sums = total(streams)
    notes = [f"{s['stream']} {s['status']}: {s['message']}" for s in streams if s["message"]]
    rejects = ", ".join(f"{s['stream']} {s['rejects']}" for s in streams if s["rejects"])
    if rejects:
        notes.append(f"{sums['rejects']} rejects (ops.rejects): {rejects}")
    return "\n".join([load_table(streams), *notes, f"{sums['rows']} rows in {seconds:.1f} s"])


def load_table(streams: Sequence[dict[str, Any]]) -> str:
    """What was read and where the time went; wait is the rate limit."""
    head = ("stream", "pages", "rows", "MB", "reqs", "wait", "http", "copy")
    rows = [_load_row(stream["stream"], stream) for stream in streams]
    return table(head, rows, _load_row("total", total(streams)))


def table(head: Sequence[str], rows: Sequence[Row], foot: Row | None = None) -> str:
    """A plain table; the first column is left-aligned, as are columns of text."""
    text = [[_cell(value) for value in row] for row in rows]
    last = [[_cell(value) for value in foot]] if foot else []
    widths = [max(map(len, column)) for column in zip(head, *text, *last, strict=True)]
    left = [
        index == 0
        or any(isinstance(row[index], str) and not _is_number(row[index]) for row in rows)
        for index in range(len(head))
    ]

    def line(cells: Sequence[str]) -> str:
        return "  ".join(
            cell.ljust(width) if is_left else cell.rjust(width)
            for cell, width, is_left in zip(cells, widths, left, strict=True)
        ).rstrip()

    rule = "-" * (sum(widths) + 2 * len(widths) - 2)
    lines = [line(head), rule, *map(line, text)]
    return "\n".join([*lines, rule, *map(line, last)] if foot else lines)


def _load_row(name: str, values: dict[str, Any]) -> Row:
    return (
        name,
        values["pages"],
        values["rows"],
        megabytes(values["bytes"]),
        values["requests"],
        duration(values["wait_seconds"]),
        duration(values["http_seconds"]),
        duration(values["copy_seconds"]),
    )


def megabytes(count: float) -> str:
    """One decimal, where it says something."""
    return f"{count / 1e6:.1f}" if count < 999.95e6 else f"{count / 1e6:.0f}"


def duration(seconds: float) -> str:
    """At most five characters: seconds, or hours."""
    if seconds < 99.95:
        return f"{seconds:.1f}s"
    return f"{seconds:.0f}s" if seconds < 9999.5 else f"{seconds / 3600:.1f}h"


def _cell(value: object) -> str:
    return "" if value is None else str(value).replace("\n", " ")


def _is_number(value: object) -> bool:
    return str(value).rstrip("shMkB%").replace(".", "", 1).lstrip("-").isdigit()
