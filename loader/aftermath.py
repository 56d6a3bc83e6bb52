"""What is safe after a night that went wrong, in sentences for the person who is woken."""

from __future__ import annotations

from typing import LiteralString

import psycopg

from loader.db import Connection

_LOAD: LiteralString = """
    SELECT
        run.id,
        run.status,
        run.transformed_by,
        (
            SELECT count(*) FROM ops.pages AS page
            WHERE page.run_id = run.id AND page.status = 'staged'
        )
    FROM ops.runs AS run
    WHERE run.kind = 'load' AND run.refreshed_by = %s
    ORDER BY run.id DESC
    LIMIT 1
"""
_LAST_TRANSFORM: LiteralString = """
    SELECT id, refreshed_by, to_char(finished_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI UTC')
    FROM ops.runs
    WHERE kind = 'transform' AND status = 'ok' AND mode <> 'rebuild of tables'
    ORDER BY id DESC
    LIMIT 1
"""


def tell(connection: Connection, refresh_id: int) -> list[str]:
    """Lines about the load and the tables; fewer when the database cannot be asked."""
    try:
        load = connection.execute(_LOAD, (refresh_id,)).fetchone()
        transform = connection.execute(_LAST_TRANSFORM).fetchone()
    except psycopg.Error:
        return ["safe: what was committed, and amo.* and mart.* as the last transform left them"]
    return [_tables(transform, refresh_id), *_load(load)]


def _tables(transform: tuple[int, int | None, str] | None, refresh_id: int) -> str:
    if transform is None:
        return "amo.* and mart.* are empty: nothing was transformed yet"
    number, refreshed_by, at = transform
    if refreshed_by == refresh_id:
        return f"safe: everything else is loaded, and transformed in run {number}"
    return f"safe: amo.* and mart.* are as of {at} (run {number})"


def _load(load: tuple[int, str, int | None, int] | None) -> list[str]:
    if load is None or load[2] is not None:
        return []
    number, status, _, pages = load
    if status in ("ok", "partial"):
        return [f"safe: load {number} waits in staging, {pages} pages; bin/transform takes it"]
    if status == "lost":
        return []
    return [f"safe: {pages} pages of load {number}; started again within 12 hours it continues"]
