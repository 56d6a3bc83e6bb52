"""Indexes and updates of our schemas, from the catalogs and the statistics of the server."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

from loader.db import Connection, scalar

# DROP is not offered for an index of a partitioned table: that goes with its parent.
_INDEXES: LiteralString = """
    SELECT
        entry.indexrelid::bigint,
        namespace.nspname,
        heap.relname,
        relation.relname,
        pg_get_indexdef(entry.indexrelid),
        coalesce(pg_relation_size(entry.indexrelid), 0),
        entry.indisvalid AND entry.indisready,
        entry.indisunique OR entry.indisexclusion,
        entry.indisprimary OR entry.indisreplident
        OR EXISTS (SELECT FROM pg_constraint WHERE conindid = entry.indexrelid)
        OR EXISTS (SELECT FROM pg_inherits WHERE inhrelid = entry.indexrelid),
        coalesce(pg_stat_get_numscans(entry.indexrelid), 0),
        EXISTS (SELECT FROM pg_stat_progress_create_index AS building
            WHERE building.index_relid = entry.indexrelid
            -- Of others the progress is not shown, only that they build.
            OR building.index_relid IS NULL AND NOT entry.indisvalid),
        ARRAY(SELECT attribute.attname::text
            FROM unnest((entry.indkey::int2[])[0:entry.indnkeyatts - 1])
                WITH ORDINALITY AS key (attnum, position)
            LEFT JOIN pg_attribute AS attribute
                ON attribute.attrelid = entry.indrelid AND attribute.attnum = key.attnum
            ORDER BY key.position),
        entry.indpred IS NOT NULL
    FROM pg_index AS entry
    INNER JOIN pg_class AS relation ON entry.indexrelid = relation.oid
    INNER JOIN pg_class AS heap ON entry.indrelid = heap.oid
    INNER JOIN pg_namespace AS namespace ON heap.relnamespace = namespace.oid
    WHERE
        namespace.nspname IN ('staging', 'amo', 'mart', 'ops')
        AND relation.relkind = 'i'
    ORDER BY namespace.nspname, heap.relname, relation.relname
"""

# The redundant one and the one that does its work: equal, or its columns come first there.
_COVERED: LiteralString = """
    SELECT less.indexrelid::bigint, more.indexrelid::bigint, less.indnkeyatts = more.indnkeyatts
    FROM pg_index AS less
    INNER JOIN pg_index AS more ON less.indrelid = more.indrelid
    INNER JOIN pg_class AS small ON less.indexrelid = small.oid
    INNER JOIN pg_class AS large ON more.indexrelid = large.oid
    INNER JOIN pg_am AS method ON small.relam = method.oid
    WHERE
        less.indexrelid <> more.indexrelid
        AND small.relam = large.relam
        AND less.indisvalid
        AND more.indisvalid
        AND (less.indnkeyatts = more.indnkeyatts
            OR method.amname = 'btree' AND less.indnkeyatts < more.indnkeyatts)
        AND (less.indkey::int2[])[0:less.indnkeyatts - 1]
        = (more.indkey::int2[])[0:less.indnkeyatts - 1]
        AND (less.indclass::oid[])[0:less.indnkeyatts - 1]
        = (more.indclass::oid[])[0:less.indnkeyatts - 1]
        AND (less.indcollation::oid[])[0:less.indnkeyatts - 1]
        = (more.indcollation::oid[])[0:less.indnkeyatts - 1]
        AND (less.indoption::int2[])[0:less.indnkeyatts - 1]
        = (more.indoption::int2[])[0:less.indnkeyatts - 1]
        AND (less.indkey::int2[])[less.indnkeyatts:] <@ more.indkey::int2[]
        AND pg_get_expr(less.indexprs, less.indrelid)
        IS NOT DISTINCT FROM pg_get_expr(more.indexprs, more.indrelid)
        AND pg_get_expr(less.indpred, less.indrelid)
        IS NOT DISTINCT FROM pg_get_expr(more.indpred, more.indrelid)
    ORDER BY less.indexrelid, more.indnkeyatts, more.indexrelid
"""

# pg_stat_bgwriter is reset when the server loses its statistics in a crash; a database that was
# never reset has no date of its own.
_SINCE: LiteralString = """
    SELECT greatest(
        (SELECT stats_reset FROM pg_stat_database WHERE datname = current_database()),
        (SELECT stats_reset FROM pg_stat_bgwriter)
    )
"""

# By way of jsonb: before 16 the column does not exist.
_UPDATES: LiteralString = """
    SELECT
        stat.schemaname, stat.relname, stat.n_tup_upd, stat.n_tup_hot_upd,
        (to_jsonb(stat) ->> 'n_tup_newpage_upd')::bigint,
        coalesce((
            SELECT option_value::integer FROM pg_options_to_table(relation.reloptions)
            WHERE option_name = 'fillfactor'
        ), 100)
    FROM pg_stat_user_tables AS stat
    INNER JOIN pg_class AS relation ON stat.relid = relation.oid
    WHERE stat.schemaname IN ('amo', 'ops')
    ORDER BY stat.schemaname, stat.relname
"""


@dataclass(frozen=True, slots=True)
class Index:
    """definition: as CREATE INDEX. columns: the keys, None for an expression.

    is_kept: it belongs to a constraint, to replication or to an index above it.
    """

    oid: int
    schema: str
    table: str
    name: str
    definition: str
    bytes: int
    is_valid: bool
    is_unique: bool
    is_kept: bool
    scans: int
    is_being_built: bool
    columns: tuple[str | None, ...]
    is_partial: bool

    @property
    def key(self) -> tuple[str, str]:
        return self.schema, self.name


@dataclass(frozen=True, slots=True)
class Updates:
    """Updates of a table since the statistics began.

    moved: the new version went to another page, for want of room; None before 16.
    """

    schema: str
    table: str
    updates: int
    hot: int
    moved: int | None
    fillfactor: int


@dataclass(frozen=True, slots=True)
class Table:
    """rows: the estimate of the last ANALYZE. values: different ones by column; < 0 is a share."""

    rows: float
    values: dict[str, float]


def indexes(connection: Connection) -> list[Index]:
    """All of our schemas, whoever made them."""
    return [_index(*row) for row in connection.execute(_INDEXES).fetchall()]


def covered(connection: Connection) -> list[tuple[int, int, bool]]:
    """OID of the redundant index, of the one that does its work, and whether keys are equal."""
    return [(row[0], row[1], row[2]) for row in connection.execute(_COVERED).fetchall()]


def since(connection: Connection) -> tuple[datetime | None, float | None]:
    """When the statistics began, and how many days ago; None where the server does not say."""
    start: datetime | None = scalar(connection, _SINCE)
    if start is None:
        return None, None
    seconds = scalar(connection, "SELECT extract(epoch FROM now() - %s)::float8", (start,))
    return start, seconds / 86400


def updates(connection: Connection) -> list[Updates]:
    """Tables of amo and ops with their share of heap-only updates."""
    return [Updates(*row) for row in connection.execute(_UPDATES).fetchall()]


def table(connection: Connection, schema: str, name: str) -> Table:
    """What the planner knows; no values of a table that the role may not read."""
    rows = scalar(
        connection,
        "SELECT greatest(relation.reltuples, 0) FROM pg_class AS relation"
        " WHERE relation.relname = %s"
        " AND relation.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = %s)",
        (name, schema),
    )
    values = connection.execute(
        "SELECT attname::text, n_distinct FROM pg_stats"
        " WHERE schemaname = %s AND tablename = %s AND NOT inherited",
        (schema, name),
    )
    return Table(float(rows or 0), dict(values.fetchall()))


def _index(*values: Any) -> Index:
    """PostgreSQL gives arrays as lists."""
    fields: list[Any] = [tuple(value) if isinstance(value, list) else value for value in values]
    return Index(*fields)
