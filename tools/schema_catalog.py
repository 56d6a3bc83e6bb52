"""What PostgreSQL knows about our schemas, in the order in which docs/SCHEMA.md has it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import LiteralString

from loader import sqlfiles
from loader.db import Connection

SCHEMAS = ("amo", "mart", "ops", "staging")

_RELATIONS: LiteralString = """
    SELECT
        space.nspname, relation.relname, relation.relkind::text,
        coalesce(obj_description(relation.oid, 'pg_class'), ''),
        ARRAY(
            SELECT pg_get_constraintdef(held.oid) FROM pg_constraint AS held
            WHERE held.conrelid = relation.oid AND held.contype IN ('p', 'u', 'f', 'c')
            ORDER BY position(held.contype IN 'pufc'), held.conname COLLATE "C"
        ),
        ARRAY(
            SELECT pg_get_indexdef(index.indexrelid) FROM pg_index AS index
            WHERE index.indrelid = relation.oid AND NOT EXISTS (
                SELECT FROM pg_constraint AS held WHERE held.conindid = index.indexrelid
            ) ORDER BY 1
        )
    FROM pg_class AS relation
    JOIN pg_namespace AS space ON relation.relnamespace = space.oid
    WHERE space.nspname = ANY(%s) AND relation.relkind IN ('r', 'v', 'm', 'p')
    ORDER BY space.nspname COLLATE "C", relation.relname COLLATE "C"
"""
_COLUMNS: LiteralString = """
    SELECT
        space.nspname, relation.relname, held.attname,
        format_type(held.atttypid, held.atttypmod), held.attnotnull,
        coalesce(col_description(relation.oid, held.attnum), '')
    FROM pg_attribute AS held
    JOIN pg_class AS relation ON held.attrelid = relation.oid
    JOIN pg_namespace AS space ON relation.relnamespace = space.oid
    WHERE space.nspname = ANY(%s) AND relation.relkind IN ('r', 'v', 'm', 'p')
        AND held.attnum > 0 AND NOT held.attisdropped
    ORDER BY held.attnum
"""
_FUNCTIONS: LiteralString = """
    SELECT
        space.nspname,
        routine.proname || '(' || pg_get_function_identity_arguments(routine.oid) || ')',
        coalesce(pg_get_function_result(routine.oid), ''),
        coalesce(obj_description(routine.oid, 'pg_proc'), '')
    FROM pg_proc AS routine JOIN pg_namespace AS space ON routine.pronamespace = space.oid
    WHERE space.nspname = ANY(%s)
"""
_TYPES: LiteralString = """
    SELECT
        space.nspname, type.typname,
        coalesce(
            obj_description(type.oid, 'pg_type'), obj_description(relation.oid, 'pg_class'), ''
        )
    FROM pg_type AS type
    JOIN pg_namespace AS space ON type.typnamespace = space.oid
    LEFT JOIN pg_class AS relation ON type.typrelid = relation.oid
    WHERE space.nspname = ANY(%s) AND (type.typtype IN ('d', 'e') OR relation.relkind = 'c')
    ORDER BY space.nspname COLLATE "C", type.typname COLLATE "C"
"""
_COMMENTS: LiteralString = """
    SELECT nspname, coalesce(obj_description(oid, 'pg_namespace'), '')
    FROM pg_namespace WHERE nspname = ANY(%s)
"""


@dataclass(frozen=True, slots=True)
class Column:
    """A column as \\d+ shows it."""

    name: str
    type: str
    is_required: bool
    comment: str


@dataclass(frozen=True, slots=True)
class Relation:
    """A table or view with its columns and keys."""

    schema: str
    name: str
    is_view: bool
    comment: str
    constraints: tuple[str, ...]
    indexes: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def key(self) -> tuple[str, ...]:
        """The columns of the primary key."""
        for text in self.constraints:
            if text.startswith("PRIMARY KEY ("):
                columns = text.partition("(")[2].partition(")")[0]
                return tuple(column.strip('"') for column in columns.split(", "))
        return ()


@dataclass(frozen=True, slots=True)
class Catalog:
    """All of it; functions are (schema, signature, result, comment), types (schema, name, …)."""

    comments: dict[str, str]
    relations: tuple[Relation, ...]
    functions: tuple[tuple[str, str, str, str], ...]
    types: tuple[tuple[str, str, str], ...]

    def of(self, schema: str) -> list[Relation]:
        return [relation for relation in self.relations if relation.schema == schema]

    def find(self, schema: str, name: str) -> Relation | None:
        return next((found for found in self.of(schema) if found.name == name), None)


def make_views(connection: Connection) -> None:
    """The views of mart as the first transform makes them, without any custom field."""
    for file in sqlfiles.find("transforms/4_mart"):
        connection.execute(file.text)


def read(connection: Connection) -> Catalog:
    """Look everything up. Signatures are as seen with nothing but pg_catalog on the path."""
    schemas = [list(SCHEMAS)]
    connection.execute("SELECT set_config('search_path', 'pg_catalog', FALSE)")
    columns: dict[tuple[str, str], list[Column]] = {}
    for schema, relation, *column in connection.execute(_COLUMNS, schemas):
        columns.setdefault((schema, relation), []).append(Column(*column))
    relations = [
        Relation(
            schema, name, kind in "vm", comment, tuple(constraints), tuple(indexes),
            tuple(columns.get((schema, name), ())),
        )
        for schema, name, kind, comment, constraints, indexes
        in connection.execute(_RELATIONS, schemas)
    ]  # fmt: skip
    return Catalog(
        comments=dict(connection.execute(_COMMENTS, schemas).fetchall()),
        relations=tuple(relations),
        functions=tuple(sorted(connection.execute(_FUNCTIONS, schemas))),
        types=tuple(connection.execute(_TYPES, schemas).fetchall()),
    )
