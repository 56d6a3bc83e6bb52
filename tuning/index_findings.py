"""What a DBA should do about indexes, each with the statement to paste."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from psycopg import sql

from loader.db import Connection
from tuning.indexes import Index, Updates
from tuning.units import rounded

INVALID, MISSING, DUPLICATE, UNUSED, HOT = "invalid", "missing", "duplicate", "unused", "hot"

# Younger statistics have not seen a week's jobs.
YOUNG_DAYS = 7.0
_FEW_UPDATES = 1000
_LOW_HOT = 0.5


@dataclass(frozen=True, slots=True)
class Finding:
    """kind; index or table; why, in words; statements to paste, or none."""

    kind: str
    object: str
    why: str
    statements: tuple[str, ...] = ()


def invalid(connection: Connection, indexes: Sequence[Index]) -> Iterator[Finding]:
    """Written at each change, used by no query: left by CREATE or REINDEX … CONCURRENTLY."""
    for index in indexes:
        if index.is_valid or index.is_being_built:
            continue
        statements: tuple[str, ...]
        name = quoted(connection, index.schema, index.name)
        drop, again = f"DROP INDEX CONCURRENTLY {name};", f"REINDEX INDEX CONCURRENTLY {name};"
        if index.name.rstrip("0123456789").endswith(("_ccnew", "_ccold")):
            why, statements = "a REINDEX CONCURRENTLY that did not end left it", (drop,)
        elif index.is_kept:
            why, statements = "it belongs to a constraint and cannot be dropped", (again,)
        elif index.is_unique:
            why = (
                "a CREATE UNIQUE INDEX CONCURRENTLY failed, mostly because values come twice;"
                " once they do not: REINDEX, else drop it"
            )
            statements = (drop, f"-- or: {again}")
        else:
            why = "a CREATE INDEX CONCURRENTLY did not end; build it, or drop it"
            statements = (again, f"-- or: {drop}")
        yield Finding(INVALID, _name(index), f"it costs writes and serves no query: {why}",
                      statements)  # fmt: skip


def duplicate(
    connection: Connection,
    indexes: Sequence[Index],
    covered: Sequence[tuple[int, int, bool]],
    shipped: Collection[tuple[str, str]],
) -> Iterator[Finding]:
    """Equal ones, and those whose columns another begins with. Unique ones stay."""
    by_oid = {index.oid: index for index in indexes}
    dropped: set[int] = set()
    for less_oid, more_oid, is_equal in covered:
        less, more = by_oid.get(less_oid), by_oid.get(more_oid)
        if less is None or more is None or less_oid in dropped or more_oid in dropped:
            continue
        if less.is_kept or less.key in shipped:
            continue
        # Of two that are equal the one with a purpose stays, else the older one.
        if less.is_unique and not (is_equal and more.is_unique):
            continue
        is_more_kept = (
            more.is_kept or more.key in shipped or (more.is_unique and not less.is_unique)
        )
        if is_equal and not is_more_kept and less_oid < more_oid:
            continue
        dropped.add(less_oid)
        why = (
            f"{more.name} is the same"
            if is_equal
            else f"{more.name} begins with the same columns and serves the same queries"
        )
        yield Finding(DUPLICATE, _name(less), f"{why}; {rounded(less.bytes)}",
                      (_drop(connection, less),))  # fmt: skip


def unused(
    connection: Connection,
    indexes: Sequence[Index],
    usable: Collection[tuple[str, str]],
    shipped: Collection[tuple[str, str]],
    days: float | None,
) -> Iterator[Finding]:
    """Never scanned since the statistics began, and of no use to our statements.

    Nothing while the statistics are younger than a week.
    """
    if days is None or days < YOUNG_DAYS:
        return
    for index in indexes:
        is_needed = index.is_unique or index.is_kept or index.key in usable or index.key in shipped
        if index.scans == 0 and index.is_valid and not is_needed:
            yield Finding(
                UNUSED,
                _name(index),
                f"no scan in {days:.0f} days, {rounded(index.bytes)}; a standby counts its own"
                " scans, and PostgreSQL does not tell when an index was made: look there first",
                (_drop(connection, index),),
            )


def hot(
    connection: Connection, tables: Sequence[Updates], indexes: Sequence[Index]
) -> Iterator[Finding]:
    """Tables where most updates write all indexes anew, and what spoils it."""
    for table in tables:
        cold = table.updates - table.hot
        if table.updates < _FEW_UPDATES or table.hot / table.updates >= _LOW_HOT:
            continue
        name = f"{table.schema}.{table.table}"
        share = f"{100 * table.hot / table.updates:.0f} % of {table.updates:,} updates are HOT"
        suspects = [
            f"{index.name} ({', '.join(column or 'an expression' for column in index.columns)})"
            for index in indexes
            if (index.schema, index.table) == (table.schema, table.table) and not index.is_unique
        ]
        spoiler = (
            "an update that changes a column of "
            + " or ".join(suspects)
            + " cannot be HOT; without that index it could"
        )
        # On 16 and later PostgreSQL counts those that found no room.
        if table.moved is not None and table.moved < cold / 2 and suspects:
            yield Finding(HOT, name, f"{share}; there was room on the page: {spoiler}")
            continue
        room = (
            "there was no room on the page"
            if table.moved is not None and table.moved >= cold / 2
            else f"no room on the page, or: {spoiler}"
            if suspects
            else "no room on the page"
        )
        fillfactor = max(table.fillfactor - 10, 50)
        relation = quoted(connection, table.schema, table.table)
        yield Finding(
            HOT,
            name,
            f"{share}; {room}. A lower fillfactor leaves room on pages written from now on",
            (f"ALTER TABLE {relation} SET (fillfactor = {fillfactor});",),
        )


def quoted(connection: Connection, *names: str) -> str:
    """A name as SQL, quoted."""
    return sql.Identifier(*names).as_string(connection)


def _drop(connection: Connection, index: Index) -> str:
    return f"DROP INDEX CONCURRENTLY {quoted(connection, index.schema, index.name)};"


def _name(index: Index) -> str:
    return f"{index.schema}.{index.name}"
