"""What the tables hold, compared with what is in the account."""

from __future__ import annotations

from loader.db import Connection
from sandbox.process import Sandbox

# Streams of the sandbox, and where their entities are.
TABLES = {
    "leads": "amo.leads",
    "contacts": "amo.contacts",
    "companies": "amo.companies",
    "customers": "amo.customers",
    "tasks": "amo.tasks",
    "leads/notes": "amo.notes WHERE entity_type = 'leads'",
}


def kept(connection: Connection, stream: str, condition: str = "TRUE") -> list[tuple[int, int]]:
    """Id and time of change of every row of a stream, ascending, deleted ones included."""
    table, _, only = TABLES[stream].partition(" WHERE ")
    rows = connection.execute(
        f"SELECT id, extract(epoch FROM updated_at)::bigint FROM {table}"
        f" WHERE {only or 'TRUE'} AND {condition} ORDER BY id"
    )
    return rows.fetchall()


def assert_equal_to(account: Sandbox, connection: Connection) -> None:
    """Ids and times of all that is not marked as deleted are the account's."""
    for stream in TABLES:
        alive = kept(connection, stream, "deleted_at IS NULL")
        assert alive == sorted(account.truth(stream)), stream
