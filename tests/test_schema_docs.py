"""docs/SCHEMA.md is what the database says of itself, and the database says it of everything."""

from __future__ import annotations

import difflib

import pytest

from loader.db import Connection
from tools import schema_catalog, schema_docs
from tools.schema_catalog import Catalog, Relation
from tools.schema_picture import Reference, diagram

# Inside bin/tune: ops.tuning_watchdog is the view for people.


@pytest.fixture
def catalog(connection: Connection) -> Catalog:
    """A migrated database with the views of mart."""
    schema_catalog.make_views(connection)
    return schema_catalog.read(connection)


def test_schema_is_up_to_date(connection: Connection) -> None:
    """docs/SCHEMA.md is generated; whoever changes the schema generates it again."""
    written = schema_docs.FILE.read_text(encoding="utf-8").splitlines()
    wanted = schema_docs.document(connection).splitlines()

    changes = "\n".join(difflib.unified_diff(written, wanted, lineterm="", n=0))
    assert written == wanted, f"type: {schema_docs.COMMAND}\n{changes[:2000]}"


def test_every_column_has_a_comment(catalog: Catalog) -> None:
    """\\d+ of what people see leaves no question open."""
    silent = [
        f"{relation.schema}.{relation.name}.{column.name}"
        for relation in catalog.relations
        if relation.schema != "staging"
        for column in relation.columns
        if not column.comment
    ]

    assert not silent, "COMMENT ON COLUMN in their migration is missing: " + " ".join(silent)


def test_every_table_and_function_has_a_comment(catalog: Catalog) -> None:
    """Tables, views, functions, types, of all four schemas and those themselves."""
    silent = [f"{one.schema}.{one.name}" for one in catalog.relations if not one.comment]
    silent += [f"{schema}.{call}" for schema, call, _, text in catalog.functions if not text]
    silent += [f"{schema}.{name}" for schema, name, text in catalog.types if not text]
    silent += [schema for schema, text in catalog.comments.items() if not text]

    assert not silent, "COMMENT ON in their migration is missing: " + " ".join(silent)


def test_a_picture_of_what_is_not_there_is_refused(catalog: Catalog) -> None:
    """A renamed table or column cannot stay in the picture."""
    with pytest.raises(ValueError, match=r"no table amo\.deals"):
        diagram(catalog, [Reference("deals", "users", ("user_id",))])
    with pytest.raises(ValueError, match=r"amo\.leads has no column boss_id"):
        diagram(catalog, [Reference("leads", "users", ("boss_id",))])


def test_views_show_no_account_of_ours(catalog: Catalog) -> None:
    """The document is made of an empty account: no custom field is a column of it."""
    wide: list[Relation] = [one for one in catalog.of("mart") if one.name == "leads"]

    assert wide
    assert {"price", "tags"} < {column.name for column in wide[0].columns}
    assert all("Custom field" not in column.comment for column in wide[0].columns)
