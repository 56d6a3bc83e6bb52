"""Indexes that are not there: those of the migrations, and those that plans would gain by."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from psycopg import sql

from loader import sqlfiles
from loader.db import Connection, scalar
from tuning import explain, indexes
from tuning.explain import Plan, Scan
from tuning.index_findings import MISSING, Finding, quoted
from tuning.indexes import Index
from tuning.statements import Statement

LARGE_ROWS = 10_000
SELECTIVE = 0.95
# As Dexter has it: what gains less is not worth an index that every change writes.
_GAIN = 0.5
_MOST_COLUMNS = 2

# Our own migrations have one spelling; tests/test_style.py sees to that.
_CREATE = re.compile(
    r"^CREATE (UNIQUE )?INDEX IF NOT EXISTS (\w+)\s+ON (\w+)\.(\w+)\s*([^;]*);", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Shipped:
    """An index of the migrations. rest: columns and condition."""

    schema: str
    table: str
    name: str
    is_unique: bool
    rest: str

    @property
    def key(self) -> tuple[str, str]:
        return self.schema, self.name


def shipped() -> list[Shipped]:
    """All that migrations make by CREATE INDEX; keys of tables come with their tables."""
    return [
        Shipped(match[3], match[4], match[2], bool(match[1]), " ".join(match[5].split()))
        for file in sqlfiles.find("migrations")
        for match in _CREATE.finditer(file.text.decode())
    ]


def lost(wanted: Sequence[Shipped], there: Sequence[Index]) -> Iterator[Finding]:
    """Those of the migrations that somebody dropped, unless there is one under another name."""
    names = {index.key for index in there}
    bodies = {
        (index.schema, index.table, _body(index.definition.partition(" USING btree ")[2]))
        for index in there
        if index.is_valid
    }
    for index in wanted:
        if index.key in names or (index.schema, index.table, _body(index.rest)) in bodies:
            continue
        unique = "UNIQUE " * index.is_unique
        yield Finding(
            MISSING,
            f"{index.schema}.{index.table}",
            f"the migrations made {index.name}, and somebody dropped it",
            (
                f"CREATE {unique}INDEX CONCURRENTLY {index.name}"
                f" ON {index.schema}.{index.table} {index.rest};",
            ),
        )


def gainful(
    connection: Connection,
    plans: Sequence[tuple[Statement, Plan]],
    there: Sequence[Index],
    timeout_seconds: float,
) -> Iterator[Finding]:
    """Large tables read to the end for a few rows. HypoPG is asked where it is installed."""
    has_hypopg = scalar(
        connection, "SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'hypopg')"
    )
    seen: set[tuple[tuple[str, str], tuple[str, ...]]] = set()
    for statement, plan in plans:
        for scan in plan.scans:
            # Tables of staging are filled anew each night: an index there costs more than it gains.
            if scan.table[0] == "staging" or not (found := _worth(connection, scan)):
                continue
            columns, words = found
            if (scan.table, columns) in seen or _is_covered(scan, columns, there):
                continue
            seen.add((scan.table, columns))
            why = f"{plan.source} {words}"
            target = quoted(connection, *scan.table)
            keys = ", ".join(quoted(connection, column) for column in columns)
            if has_hypopg:
                gain = _gain(connection, statement, plan, f"{target} ({keys})", timeout_seconds)
                if gain < _GAIN:
                    continue
                why += f"; with the index its cost falls by {100 * gain:.0f} % (HypoPG)"
            yield Finding(
                MISSING,
                ".".join(scan.table),
                why,
                (f"CREATE INDEX CONCURRENTLY ON {target} ({keys});",),
            )


def _worth(connection: Connection, scan: Scan) -> tuple[tuple[str, ...], str] | None:
    """Columns of an index by rule, the most selective first, and what the scan does now."""
    table = indexes.table(connection, *scan.table)
    total = table.rows if scan.rows_removed is None else scan.rows_kept + scan.rows_removed
    if min(total, table.rows or total) <= LARGE_ROWS or scan.rows_kept > total * (1 - SELECTIVE):
        return None

    def selectivity(column: str) -> float:
        """About how many different values; a negative number is a share of the rows."""
        values = table.values.get(column, 0.0)
        return values if values >= 0 else -values * table.rows

    columns = [column for column in scan.columns if table.values.get(column) != 1]
    columns.sort(key=selectivity, reverse=True)
    if not columns:
        return None
    says = "reads" if scan.is_measured else "is planned to read"
    return tuple(columns[:_MOST_COLUMNS]), (
        f"{says} all {total:,.0f} rows of {'.'.join(scan.table)} for {scan.rows_kept:,.0f} of them"
    )


def _is_covered(scan: Scan, columns: tuple[str, ...], there: Sequence[Index]) -> bool:
    """There is such an index, and the planner did not want it."""
    return any(
        (index.schema, index.table) == scan.table
        and index.is_valid
        and not index.is_partial
        and set(index.columns[: len(columns)]) == set(columns)
        for index in there
    )


def _gain(
    connection: Connection, statement: Statement, plan: Plan, target: str, timeout_seconds: float
) -> float:
    """The share of the cost that a hypothetical index saves; it lives in this session only."""
    definition = sql.Literal(f"CREATE INDEX ON {target}")
    schema = scalar(
        connection,
        "SELECT extnamespace::regnamespace::text FROM pg_extension WHERE extname = 'hypopg'",
    )
    functions = [sql.Identifier(schema, name) for name in ("hypopg_create_index", "hypopg_reset")]
    connection.execute(sql.SQL("SELECT {}({})").format(functions[0], definition))
    try:
        root = explain.plan_of(connection, statement, timeout_seconds, runs=False)
    finally:
        connection.execute(sql.SQL("SELECT {}()").format(functions[1]))
    return 1 - float(root["Plan"]["Total Cost"]) / plan.cost if plan.cost else 0.0


def _body(text: str) -> str:
    """Columns and condition without spaces and outer brackets of the condition."""
    return re.sub(r"[\s()]", "", text).lower()
