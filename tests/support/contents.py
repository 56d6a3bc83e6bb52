"""What the final tables hold, apart from what differs between two equal nights."""

from __future__ import annotations

from collections import Counter

from loader.db import Connection

Contents = dict[str, Counter[str]]

# The only columns that are not compared. They tell of our runs and not of the account:
VOLATILE = (
    "changed_at",  # when the row was written last
    "first_seen_run",  # numbers of transforms: one that was killed has taken a number
    "changed_run",
    # Its hash is compared: links echo the query, in which events have the time of the load.
    "doc",
)
# Of deleted_at, when something was found gone, only whether it is set is compared.

_ROWS = """
    SELECT (
        (to_jsonb(r) - %(volatile)s::text[])
        || CASE WHEN to_jsonb(r) ? 'deleted_at'
            THEN jsonb_build_object('deleted_at', to_jsonb(r) ->> 'deleted_at' IS NOT NULL)
            ELSE '{{}}' END
    )::text
    FROM {table} AS r
"""

_REJECTS = "SELECT jsonb_build_array(stream, entity_id, path, value, raw)::text FROM ops.rejects"


def contents(connection: Connection) -> Contents:
    """All rows of all tables of schema amo, and what ops.rejects says of the data."""
    tables = connection.execute(
        "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname = 'amo'"
    ).fetchall()
    queries = {str(table): _ROWS.format(table=table) for (table,) in tables}
    queries["ops.rejects"] = _REJECTS
    volatile = {"volatile": list(VOLATILE)}
    return {
        table: Counter(row for (row,) in connection.execute(query.encode(), volatile))
        for table, query in sorted(queries.items())
    }


def difference(expected: Contents, found: Contents) -> dict[str, dict[str, list[str]]]:
    """Tables that are not equal, with up to three rows that are missing and three too many."""
    return {
        table: {
            "missing": list(expected[table] - found.get(table, Counter()))[:3],
            "too many": list(found.get(table, Counter()) - expected[table])[:3],
        }
        for table in expected
        if expected[table] != found.get(table)
    }
