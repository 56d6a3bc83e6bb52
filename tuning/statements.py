"""The statements that transforms, checks and readers of the mart run.

Files are split where a line ends with a semicolon, and PostgreSQL itself says by parsing whether
that was the end of a statement or lies within a string, a comment or the body of a function.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import LiteralString

import psycopg
from psycopg import pq, sql

from loader import sqlfiles
from loader.db import Connection
from loader.sqlfiles import SqlFile

_TRANSFORMS = (
    "transforms/1_explode", "transforms/2_normalise", "transforms/3_merge",
    "transforms/4_derive", "transforms/4_mart", "transforms/5_history",
)  # fmt: skip
_SYNTAX_ERROR = "42601"
_HAS_PLAN = ("SELECT", "WITH", "INSERT", "UPDATE", "DELETE", "MERGE", "VALUES")

_VIEWS: LiteralString = """
    SELECT
        relation.relname,
        array_agg(attribute.attname::text) FILTER (WHERE attribute.attname IN ('account_id', 'id'))
    FROM pg_class AS relation
    INNER JOIN pg_attribute AS attribute ON relation.oid = attribute.attrelid
    WHERE
        relation.relnamespace = 'mart'::regnamespace
        AND relation.relkind = 'v'
        AND attribute.attnum > 0
    GROUP BY relation.relname
    ORDER BY relation.relname
"""


@dataclass(frozen=True, slots=True)
class Statement:
    """source: file and line, or a view. may_run: it only reads, and is no call of a function."""

    source: str
    text: bytes
    may_run: bool


def of_files(connection: Connection) -> Iterator[Statement]:
    """Those of all transforms and checks that have a plan. In autocommit; nothing is executed."""
    for file in sqlfiles.find(*_TRANSFORMS):
        yield from _split(connection, file, may_run=False)
    for file in sqlfiles.find("checks"):
        yield from _split(connection, file, may_run=True)


def of_views(connection: Connection) -> Iterator[Statement]:
    """Each view of mart read as a whole, and one row of it by its id."""
    for name, keys in connection.execute(_VIEWS).fetchall():
        view = sql.Identifier("mart", name)
        whole = sql.SQL("SELECT * FROM {}").format(view)
        yield Statement(f"mart.{name} as a whole", whole.as_bytes(connection), may_run=True)
        if keys and "id" in keys and (row := _sample(connection, view, keys)):
            condition = sql.SQL(" AND ").join(
                sql.SQL("{} = {}").format(sql.Identifier(key), sql.Literal(value))
                for key, value in zip(keys, row, strict=True)
            )
            one = sql.SQL("{} WHERE {}").format(whole, condition)
            yield Statement(f"mart.{name} by id", one.as_bytes(connection), may_run=True)


def _sample(
    connection: Connection, view: sql.Identifier, keys: list[str]
) -> tuple[object, ...] | None:
    """Keys of some row; None where there is none, or it may not or cannot be read in time."""
    columns = sql.SQL(", ").join(map(sql.Identifier, keys))
    try:
        return connection.execute(
            sql.SQL("SELECT {} FROM {} WHERE id IS NOT NULL LIMIT 1").format(columns, view)
        ).fetchone()
    except psycopg.Error:
        return None


def _split(connection: Connection, file: SqlFile, *, may_run: bool) -> Iterator[Statement]:
    lines: list[bytes] = []
    first = 1
    for number, line in enumerate([*file.text.splitlines(), b";"], 1):
        if not lines and (not line.strip() or line.startswith(b"--")):
            continue
        first = first if lines else number
        lines.append(line)
        if line.rstrip().endswith(b";") and not line.lstrip().startswith(b"--"):
            text = b"\n".join(lines).rstrip().rstrip(b";")
            if not _is_whole(connection, text):
                continue
            lines = []
            word = text.split(maxsplit=1)[0].decode().upper() if text.strip() else ""
            if word in _HAS_PLAN:
                yield Statement(f"sql/{file.name}.sql:{first}", text, may_run)


def _is_whole(connection: Connection, text: bytes) -> bool:
    """Whether it is one statement to the parser; one that fails otherwise is whole as well."""
    result = connection.pgconn.prepare(b"", text)
    state = result.error_field(pq.DiagnosticField.SQLSTATE)
    return state is None or state.decode() != _SYNTAX_ERROR
