"""The figures of a report: the files of sql/report/, run in one snapshot of the database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from psycopg.rows import dict_row

from loader import sqlfiles
from loader.db import Connection, scalar
from loader.errors import UsageError

Row = dict[str, Any]

SCHEMA = "amo-report/1"
SAMPLES = 3

_OF_A_RUN = ("parts", "streams", "requests", "files", "growth", "journal")
_OF_THE_DATABASE = ("server", "rejects", "settings", "duplicates", "clusters")


@dataclass(frozen=True, slots=True)
class Wanted:
    """run_id: a load, transform or refresh; None: the newest. last: runs up to that one."""

    run_id: int | None
    last: int
    has_samples: bool = True


def gather(connection: Connection, wanted: Wanted) -> dict[str, Any]:
    """All figures by section; `run` is None when nothing has run. Raises UsageError."""
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        _require_known(connection, wanted.run_id)
        _say(connection, run=wanted.run_id or "", last=wanted.last)
        runs = _rows(connection, "runs")
        run = runs[-1] if runs else None
        _say(connection, samples=SAMPLES if wanted.has_samples else 0, parts="{}")
        found: dict[str, Any] = {name: [] for name in _OF_A_RUN}
        if run:
            _say_which(connection, run, runs[0])
            found = {name: _rows(connection, name) for name in _OF_A_RUN}
        found |= {name: _rows(connection, name) for name in _OF_THE_DATABASE}
    found["server"] = found["server"][0]
    return {
        "schema": SCHEMA, "last": wanted.last, "has_samples": wanted.has_samples,
        "run": run, "runs": runs,
    } | found  # fmt: skip


def _require_known(connection: Connection, run_id: int | None) -> None:
    if run_id is None:
        return
    query = "SELECT EXISTS (SELECT FROM ops.runs WHERE id = %s), max(id) FROM ops.runs"
    row = connection.execute(query, (run_id,)).fetchone()
    is_known, newest = row if row else (False, None)
    if not is_known:
        raise UsageError(
            f"there is no run {run_id}",
            detail=f"the newest one is {newest}" if newest else "nothing has run yet",
            hint="SELECT id, kind, started_at, status FROM ops.runs ORDER BY id DESC LIMIT 20\n"
            "without a number bin/report takes the newest",
        )


def _say_which(connection: Connection, run: Row, first: Row) -> None:
    """Tell the files which run it is about, and since when its neighbours ran."""
    lists = {"parts": "part_ids", "loads": "load_ids", "transforms": "transform_ids"}
    names = {name: "{" + ",".join(map(str, run[key])) + "}" for name, key in lists.items()}
    _say(connection, **names, until=max(run["part_ids"]), since=first["started_at"].isoformat())


def _say(connection: Connection, **settings: object) -> None:
    """For this transaction, as SET amo.report_… does by hand."""
    for name, value in settings.items():
        scalar(connection, "SELECT set_config(%s, %s, TRUE)", (f"amo.report_{name}", str(value)))


def _rows(connection: Connection, name: str) -> list[Row]:
    file = sqlfiles.SqlFile(sqlfiles.ROOT / "report" / f"{name}.sql")
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(file.text).fetchall()
