"""Custom fields of leads, brought by handmade pages, and the columns of mart.leads they make."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from psycopg import sql

from loader.db import Connection
from tests.support.commands import Commands
from tests.support.staged import bring, stage_run


def definition(number: int, name: str | None, kind: str = "text", **more: Any) -> dict[str, Any]:
    """A custom field as its list describes it."""
    return {"id": number, "name": name, "type": kind, "sort": number} | more


def fields(connection: Connection, *definitions: Mapping[str, Any], **more: Any) -> None:
    """Bring these definitions of fields of leads, and other streams."""
    bring(connection, leads_custom_fields=definitions, **more)


def night(
    connection: Connection, commands: Commands, *definitions: Mapping[str, Any], **more: Any
) -> str:
    """The same by the command, in a session of its own; returns what it warned of."""
    pages: list[tuple[str, Any]] = [("leads_custom_fields", definitions), *more.items()]
    stage_run(connection, pages)
    return commands.ok("transform").err


def columns(connection: Connection, view: str = "leads") -> dict[str, str]:
    """Name and type of the custom columns, in their order."""
    rows = connection.execute(
        "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute"
        " WHERE attrelid = to_regclass('mart.' || %s) AND attnum > ("
        "  SELECT attnum FROM pg_attribute WHERE attname = 'tags'"
        "  AND attrelid = to_regclass('mart.' || %s)) ORDER BY attnum",
        (view, view),
    ).fetchall()
    return {str(name): str(kind) for name, kind in rows}


def values(connection: Connection, *names: str) -> list[tuple[Any, ...]]:
    """These columns of all leads, by id."""
    query = sql.SQL("SELECT {} FROM mart.leads ORDER BY account_id, id").format(
        sql.SQL(", ").join(map(sql.Identifier, names))
    )
    return connection.execute(query).fetchall()
