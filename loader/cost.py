"""What a load cost, for the summary of bin/load: as JSON and in a few lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from loader.db import Connection
from loader.report import total


def load_metrics(
    connection: Connection, run_id: int, streams: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """The row of ops.run_metrics, the sums of the streams, and the requests by status.

    streams: what report.load_streams gives. Times are ISO 8601, numbers are rounded.
    """
    cursor = connection.execute("SELECT * FROM ops.run_metrics WHERE run_id = %s", (run_id,))
    names = [column.name for column in cursor.description or ()]
    row = dict(zip(names, cursor.fetchone() or [None] * len(names), strict=True))
    of_streams = total(streams)
    # Of the streams only what was kept is known; of the run, all that was sent.
    del row["run_id"], of_streams["requests"]
    by_stream: dict[str, dict[str, int]] = {}
    by_status: Counter[str] = Counter()
    for stream, status, count in connection.execute(
        "SELECT stream, status, requests FROM ops.run_requests WHERE run_id = %s"
        " ORDER BY status, stream",
        (run_id,),
    ):
        by_stream.setdefault(stream, {})[status] = count
        by_status[status] += count
    return {name: _plain(value) for name, value in (of_streams | row).items()} | {
        "requests_by_status": dict(by_status),
        "requests_by_stream": by_stream,
    }


def lines(metrics: dict[str, Any]) -> str:
    """The same for a person, to stand below the table; empty when nothing was written."""
    if not metrics["processes"]:
        return ""
    answers = ", ".join(f"{key}: {n}" for key, n in metrics["requests_by_status"].items())
    lines = [
        f"{metrics['requests']} requests in {metrics['request_seconds']:.1f} s{_rate(metrics)}",
        f"answers {answers}; {metrics['retries']} retries",
        f"{metrics['statements']} SQL statements, {metrics['transactions']} page commits"
        + _commits(metrics),
        f"CPU {metrics['cpu_seconds']:.1f} s, peak RSS {metrics['peak_rss_bytes'] / 1e6:.0f} MB"
        + (f", {metrics['processes']} processes" if metrics["processes"] > 1 else ""),
    ]
    return "\n".join(lines)


def _rate(metrics: dict[str, Any]) -> str:
    if metrics["rate"] is None:
        return ""
    if metrics["rate_limit"] is None:
        return f" = {metrics['rate']:.2f}/s, no limit"
    limit, share = metrics["rate_limit"], metrics["rate_share"]
    return f" = {metrics['rate']:.2f}/s, {100 * share:.1f} % of the limit of {limit:g}/s"


def _commits(metrics: dict[str, Any]) -> str:
    if not metrics["transactions"]:
        return ""
    p50, p95, most = (metrics[f"transaction_ms_{name}"] for name in ("p50", "p95", "max"))
    return f": p50 {p50:.0f} ms, p95 {p95:.0f} ms, max {most:.0f} ms"


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat()
    return round(value, 3) if isinstance(value, float) else value
