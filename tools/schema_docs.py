"""Write docs/SCHEMA.md from the comments of a freshly migrated database.

    .venv-dev/bin/python -m tools.schema_docs

It starts a PostgreSQL of its own for that, and throws it away. tests/test_schema_docs.py fails
when the file is not what this would write.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from loader import db, embedded, migrate
from loader.db import Connection
from tools import schema_catalog, schema_picture
from tools.schema_catalog import Catalog, Column, Relation

FILE = Path(__file__).parents[1] / "docs" / "SCHEMA.md"
COMMAND = ".venv-dev/bin/python -m tools.schema_docs"

_HEAD = f"""\
# Schema

Made from the COMMENTs of the database by `{COMMAND}`: do not edit.
The same by psql: `\\d+ amo.leads`, `\\df+ amo.*`, `\\dv+ mart.*`.

Keys begin with `account_id`, since several accounts may share a database. Times are `timestamptz`,
ids are those of amoCRM. There are no foreign keys between the tables of `amo`: history outlives
users, stages and fields. `amo` and `mart` are for people; `ops` says what ran and what it cost;
`staging` is emptied each night and its shape may change in any version.

"""
_ENTITIES = """\
## How the tables of amo refer to each other

`account_id` belongs to every key and is left out here. `tasks`, `notes`, `events` and all details
refer to an entity by `(entity_type, entity_id)`; entity_type is in the plural: `leads`, `contacts`,
`companies`, `customers`.

"""
_DETAILS = """
Details of an entity; leads, contacts, companies and customers have the same ones, the picture
shows each once. `links` says who belongs to whom, in both directions where amoCRM tells both.

"""


def document(connection: Connection) -> str:
    """The whole file, from a database that was migrated and that nothing was loaded into."""
    schema_catalog.make_views(connection)
    catalog = schema_catalog.read(connection)
    parts = [
        _HEAD, _contents(catalog), "\n", _ENTITIES,
        schema_picture.diagram(catalog, schema_picture.ENTITIES), "\n", _DETAILS,
        schema_picture.diagram(catalog, schema_picture.DETAILS), "\n",
    ]  # fmt: skip
    for schema in schema_catalog.SCHEMAS:
        parts += _schema(catalog, schema)
    return "".join(parts)


def _contents(catalog: Catalog) -> str:
    rows = []
    for schema in schema_catalog.SCHEMAS:
        relations = catalog.of(schema)
        views = sum(relation.is_view for relation in relations)
        rows.append(
            (f"[`{schema}`](#{schema})", str(len(relations) - views), str(views),
             _cell(catalog.comments[schema]))
        )  # fmt: skip
    return _table(("schema", "tables", "views", ""), rows)


def _schema(catalog: Catalog, schema: str) -> Iterator[str]:
    yield f"\n## {schema}\n\n{catalog.comments[schema]}\n"
    relations = catalog.of(schema)
    copies = [relation for relation in relations if _is_copy(catalog, relation)]
    for relation in relations:
        if relation not in copies:
            yield _relation(relation)
    if copies:
        names = ", ".join(f"`{relation.name}`" for relation in copies)
        yield "\n### Rows that one transform is about to merge\n\n"
        yield f"With the columns of the table of `amo` of the same name: {names}.\n"
    functions = [row[1:] for row in catalog.functions if row[0] == schema]
    if functions:
        rows = [(f"`{call}`", f"`{result}`", _cell(text)) for call, result, text in functions]
        yield f"\n### Functions of {schema}\n\n" + _table(("function", "returns", ""), rows)
    if types := [row[1:] for row in catalog.types if row[0] == schema]:
        cells = [(f"`{name}`", _cell(text)) for name, text in types]
        yield f"\n### Types of {schema}\n\n" + _table(("type", ""), cells)


def _is_copy(catalog: Catalog, relation: Relation) -> bool:
    """The table of staging that a file of step 3 merges into its namesake."""
    return relation.schema == "staging" and catalog.find("amo", relation.name) is not None


def _relation(relation: Relation) -> str:
    text = f"\n### {relation.schema}.{relation.name}\n\n"
    text += f"{'View. ' if relation.is_view else ''}{relation.comment}\n\n"
    if relation.is_view:
        rows = [(f"`{c.name}`", c.type, _cell(c.comment)) for c in relation.columns]
        return text + _table(("column", "type", ""), rows)
    head = ("column", "type", "null", "")
    return text + _table(head, map(_row, relation.columns)) + _keys(relation)


def _row(column: Column) -> tuple[str, ...]:
    null = "" if column.is_required else "yes"
    return f"`{column.name}`", column.type, null, _cell(column.comment)


def _keys(relation: Relation) -> str:
    lines = [f"- `{text}`\n" for text in (*relation.constraints, *relation.indexes)]
    return "\n" + "".join(lines) if lines else ""


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(text: str) -> str:
    """What a cell of a table can hold; outside of it a bar and a line end are harmless."""
    return text.replace("|", "\\|").replace("\n", " ")


def main() -> None:
    """Write the file."""
    with tempfile.TemporaryDirectory() as home:
        # The server runs as a user of its own when we are root.
        Path(home).chmod(0o755)
        with embedded.running(Path(home)) as dsn, db.connect(dsn, command="docs") as connection:
            migrate.up(connection)
            FILE.write_text(document(connection), encoding="utf-8")


if __name__ == "__main__":
    main()
