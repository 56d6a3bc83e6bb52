"""The tables a person reads at the end of a run, and the same as JSON."""

from __future__ import annotations

from collections.abc import Sequence

from loader.db import Connection

Row = tuple[object, ...]

# wait / http / copy side by side answer the first question: is the database the bottleneck?
_STREAMS = """
    SELECT
        coalesce(page.stream, ended.stream) AS stream,
        coalesce(ended.status, 'unfinished') AS status,
        coalesce(page.pages, 0) AS pages,
        coalesce(page.rows, 0) AS rows,
        coalesce(page.bytes, 0) AS bytes,
        coalesce(page.requests, 0) AS requests,
        coalesce(page.wait, 0)::double precision AS wait_seconds,
        coalesce(page.http, 0)::double precision AS http_seconds,
        coalesce(page.copy, 0)::double precision AS copy_seconds,
        ended.message
    FROM (
        SELECT
            stream,
            count(*) FILTER (WHERE status = 'staged') AS pages,
            sum(rows) AS rows,
            sum(bytes::bigint) AS bytes,
            sum(requests) AS requests,
            sum(wait_ms) / 1000 AS wait,
            sum(http_ms) / 1000 AS http,
            sum(copy_ms) / 1000 AS copy
        FROM ops.pages
        WHERE run_id = %(run_id)s
        GROUP BY stream
    ) AS page
    FULL JOIN (
        SELECT stream, status, message FROM ops.run_streams WHERE run_id = %(run_id)s
    ) AS ended
        ON page.stream = ended.stream
    LEFT JOIN ops.streams AS declared
        ON declared.name = coalesce(page.stream, ended.stream)
    ORDER BY declared.position
"""
_STREAM_KEYS = (
    "stream",
    "status",
    "pages",
    "rows",
    "bytes",
    "requests",
    "wait_seconds",
    "http_seconds",
    "copy_seconds",
    "message",
)


def load_streams(connection: Connection, run_id: int) -> list[dict[str, object]]:
    """One dictionary per stream of a load, in the order of the streams."""
    rows = connection.execute(_STREAMS, {"run_id": run_id}).fetchall()
    return [
        {
            key: int(str(value)) if key in ("pages", "rows", "bytes", "requests") else value
            for key, value in zip(_STREAM_KEYS, row, strict=True)
        }
        for row in rows
    ]


def load_summary(streams: Sequence[dict[str, object]], seconds: float) -> str:
    """The table of a load, 80 columns wide."""
    head = ("stream", "pages", "rows", "MB", "requests", "wait", "http", "copy")
    total = {
        key: sum(float(str(s[key])) for s in streams) for key in _STREAM_KEYS if key in _NUMBERS
    }
    rows = [_load_row(str(stream["stream"]), stream) for stream in streams]
    lines = table(head, rows, _load_row("total", total)).splitlines()
    lines[-1] += f"  {seconds:.1f}s"
    notes = [f"{s['stream']}: {s['status']}: {s['message']}" for s in streams if s["message"]]
    return "\n".join([*lines, *notes])


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


_NUMBERS = (
    "pages",
    "rows",
    "bytes",
    "requests",
    "wait_seconds",
    "http_seconds",
    "copy_seconds",
)


def _load_row(name: str, values: dict[str, object] | dict[str, float]) -> Row:
    number = {key: float(str(values[key])) for key in _NUMBERS}
    return (
        name,
        int(number["pages"]),
        int(number["rows"]),
        f"{number['bytes'] / 1e6:.1f}",
        int(number["requests"]),
        f"{number['wait_seconds']:.1f}s",
        f"{number['http_seconds']:.1f}s",
        f"{number['copy_seconds']:.1f}s",
    )


def _cell(value: object) -> str:
    return "" if value is None else str(value).replace("\n", " ")


def _is_number(value: object) -> bool:
    return str(value).rstrip("sMkB%").replace(".", "", 1).lstrip("-").isdigit()
