"""The last staging in a scratch database: copied into it once, taken back before each run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import LiteralString

from psycopg import sql

from loader import epochs
from loader.db import Connection, scalar
from loader.errors import UsageError

# In the order of their foreign keys: the pages, and what the ledgers say of their loads.
_COPIED: Mapping[LiteralString, LiteralString] = {
    "ops.streams": "",
    "ops.runs": " WHERE id IN (SELECT run_id FROM staging.pages)",
    "ops.run_streams": " WHERE run_id IN (SELECT run_id FROM staging.pages)",
    "ops.pages": " WHERE run_id IN (SELECT run_id FROM staging.pages)",
    "ops.deletions": " WHERE run_id IN (SELECT run_id FROM staging.pages)",
    "staging.pages": "",
}

# All that a transform writes: final tables, its own staging, its ledgers.
_WRITTEN: LiteralString = """
    SELECT schemaname, tablename
    FROM pg_tables
    WHERE
        schemaname IN ('amo', 'mart', 'staging')
        AND (schemaname, tablename) NOT IN (('staging', 'pages'), ('staging', 'epoch'))
        OR schemaname = 'ops' AND tablename IN ('rejects', 'counters', 'transforms')
    ORDER BY schemaname, tablename
"""


@dataclass(frozen=True, slots=True)
class Load:
    """What each run transforms: entities, and bytes of JSON as amoCRM sent it."""

    entities: int
    json_bytes: int


def copy(source: Connection, target: Connection) -> None:
    """Stream the staged pages and their ledger rows over, as they are at one moment.

    The source only reads. Raises UsageError when nothing is staged.
    """
    with source.transaction():
        source.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        if scalar(source, "SELECT EXISTS (SELECT FROM staging.pages)") is not True:
            raise UsageError(
                "staging is empty: there is nothing to measure with",
                hint="bin/load first, or --rows 100000 for an account made up by the sandbox",
            )
        for table, which in _COPIED.items():
            _copy_table(source, target, table, which)
    target.execute("SELECT setval(pg_get_serial_sequence('ops.runs', 'id'), max(id)) FROM ops.runs")


def _copy_table(
    source: Connection, target: Connection, table: LiteralString, which: LiteralString
) -> None:
    name = sql.SQL(table)
    query = sql.SQL("COPY (SELECT * FROM {}{}) TO STDOUT (FORMAT binary)").format(
        name, sql.SQL(which)
    )
    goal = sql.SQL("COPY {} FROM STDIN (FORMAT binary)").format(name)
    with (
        source.cursor() as reading, target.cursor() as writing,
        reading.copy(query) as blocks, writing.copy(goal) as copied,
    ):  # fmt: skip
        for block in blocks:
            copied.write(block)


def rewind(connection: Connection) -> None:
    """As before the first transform: empty final tables, pages that wait."""
    tables = [sql.Identifier(*row) for row in connection.execute(_WRITTEN)]
    connection.execute(sql.SQL("TRUNCATE {}").format(sql.SQL(", ").join(tables)))
    connection.execute("DELETE FROM ops.runs WHERE kind = 'transform'")
    # A copy does not know of the crashes of the database that it came from.
    connection.execute(
        "UPDATE ops.runs SET transformed_by = NULL, epoch = (SELECT epoch FROM staging.epoch)"
    )
    connection.execute("ANALYZE staging.pages")


def prepare(connection: Connection) -> Load:
    """Called once, after the pages came; says how much it is."""
    epochs.ensure(connection)
    row = connection.execute(
        "SELECT coalesce(sum(rows), 0)::bigint, coalesce(sum(bytes), 0)::bigint"
        " FROM ops.pages WHERE status = 'staged'"
    ).fetchone()
    return Load(*(row or (0, 0)))
