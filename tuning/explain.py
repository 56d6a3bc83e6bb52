"""Plans of statements, and what they say of indexes. Nothing is written, whatever is explained."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg

from loader.db import Connection
from tuning.statements import Statement

# Costs and rows of a parallel plan are those of one worker.
_SETTINGS: LiteralString = """
    SET TRANSACTION READ ONLY;
    SET LOCAL max_parallel_workers_per_gather = 0;
    SET LOCAL jit = off
"""
# An index that a small table does not need is taken here all the same, if it can be taken at all.
_FORCED: tuple[LiteralString, ...] = (
    "SET LOCAL enable_seqscan = off",
    "SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off;"
    " SET LOCAL enable_mergejoin = off",
)

Name = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Scan:
    """A Seq Scan with a filter of equality: rows it read, rows it kept, over all loops.

    columns: those that are compared with = or IN. is_measured: else rows are the planner's.
    """

    table: Name
    columns: tuple[str, ...]
    rows_kept: float
    rows_removed: float | None
    is_measured: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """What a statement does with indexes, by (schema, name).

    ms: None where it was not run. stopped_by: the SQLSTATE that ended an attempt to run it.
    """

    source: str
    cost: float
    chosen: frozenset[Name]
    usable: frozenset[Name]
    scans: tuple[Scan, ...]
    ms: float | None
    blocks: int
    stopped_by: str


@dataclass(frozen=True, slots=True)
class Failed:
    """A statement without a plan: sqlstate and the words of PostgreSQL."""

    source: str
    sqlstate: str
    message: str


def look(connection: Connection, statement: Statement, timeout_seconds: float) -> Plan | Failed:
    """Run it if it only reads, else plan it; then plan it once more with indexes preferred."""
    stopped_by = ""
    try:
        try:
            root = plan_of(connection, statement, timeout_seconds, runs=statement.may_run)
        except psycopg.Error as exc:
            # Too slow, or a function in it writes: a plan there is all the same.
            if not statement.may_run:
                raise
            stopped_by = exc.sqlstate or ""
            root = plan_of(connection, statement, timeout_seconds, runs=False)
        usable: set[Name] = set()
        for forced in _FORCED:
            other = plan_of(connection, statement, timeout_seconds, runs=False, settings=forced)
            usable |= indexes(other["Plan"])
    except psycopg.Error as exc:
        message = exc.diag.message_primary or str(exc)
        return Failed(statement.source, exc.sqlstate or "", message)
    chosen = indexes(root["Plan"])
    return Plan(
        statement.source,
        float(root["Plan"]["Total Cost"]),
        frozenset(chosen),
        frozenset(usable | chosen),
        tuple(_scans(root["Plan"])),
        root.get("Execution Time"),
        root["Plan"].get("Shared Hit Blocks", 0) + root["Plan"].get("Shared Read Blocks", 0),
        stopped_by,
    )


def plan_of(
    connection: Connection, statement: Statement, timeout_seconds: float, *, runs: bool,
    settings: LiteralString = "",
) -> dict[str, Any]:  # fmt: skip
    """EXPLAIN in a read-only transaction. Raises psycopg.Error.

    Only what reads is run: ANALYZE of a MERGE would double the table even when rolled back.
    """
    options = b"ANALYZE, BUFFERS, TIMING OFF, " if runs else b""
    with connection.transaction(force_rollback=True):
        connection.execute(_SETTINGS)
        connection.execute(
            "SELECT set_config('statement_timeout', %s, TRUE)", (f"{timeout_seconds * 1000:.0f}",)
        )
        if settings:
            connection.execute(settings)
        row = connection.execute(
            b"EXPLAIN (" + options + b"VERBOSE, FORMAT JSON) " + statement.text
        ).fetchone()
    found: dict[str, Any] = row[0][0] if row else {}
    return found


def indexes(node: dict[str, Any], schema: str = "") -> set[Name]:
    """All in a plan. An index lies in the schema of its table; a bitmap names it one node above."""
    schema = node.get("Schema", schema)
    found = {(schema, node["Index Name"])} if "Index Name" in node else set()
    found |= {(schema, name) for name in node.get("Conflict Arbiter Indexes", ())}
    for child in node.get("Plans", ()):
        found |= indexes(child, schema)
    return found


def _scans(node: dict[str, Any]) -> Iterator[Scan]:
    if node["Node Type"] == "Seq Scan" and "Filter" in node:
        columns = tuple(dict.fromkeys(_compared(node["Filter"], node["Alias"])))
        is_measured = "Actual Rows" in node
        loops = node.get("Actual Loops", 1)
        if columns and loops:
            yield Scan(
                (node["Schema"], node["Relation Name"]),
                columns,
                node["Actual Rows"] * loops if is_measured else node["Plan Rows"],
                node.get("Rows Removed by Filter", 0) * loops if is_measured else None,
                is_measured,
            )
    for child in node.get("Plans", ()):
        yield from _scans(child)


def _compared(condition: str, alias: str) -> Iterator[str]:
    """Columns compared with = in what EXPLAIN VERBOSE prints, which has one spelling.

    Nothing where OR or NOT may make the comparison one of several ways.
    """
    if re.search(r"\b(OR|NOT|CASE)\b", condition):
        return
    quoted = alias if re.fullmatch(r"[a-z_][a-z0-9_]*", alias) else f'"{alias}"'
    column = rf'\({re.escape(quoted)}\.("(?:[^"]|"")+"|\w+)(?:\)::\w+)? = '
    for match in re.finditer(column + r"(?:ANY )?\(?['$\d-]", condition):
        name = match[1]
        yield name[1:-1].replace('""', '"') if name.startswith('"') else name
