"""Versions of documents beside slices that die, and who may read them."""

from __future__ import annotations

from typing import Any

import pytest
from psycopg import sql

from loader import transform
from loader.db import Connection, scalar
from loader.errors import SqlError
from loader.versions import History
from tests.support.staged import lead, stage_run

KEEP = History(None)


def stage(connection: Connection, name: str, updated_at: int) -> None:
    stage_run(connection, [("leads", [lead(1, name=name, updated_at=updated_at)])])


def now(connection: Connection) -> object:
    return scalar(connection, "SELECT clock_timestamp()")


def seen(connection: Connection, moment: object) -> tuple[Any, ...] | None:
    return connection.execute(
        "SELECT doc ->> 'name', is_certain FROM amo.documents_as_of(%s) WHERE stream = 'leads'",
        (moment,),
    ).fetchone()


@pytest.mark.parametrize("history", [KEEP, None], ids=["kept", "not kept"])
def test_slices_that_die_leave_no_false_certainty(
    connection: Connection, history: History | None
) -> None:
    """What step 1 has committed is kept as a version, or the gap is known."""
    stage(connection, "A", 1)
    transform.transform(connection, history=KEEP)
    stage(connection, "B", 2)
    connection.execute("ALTER TABLE amo.leads ADD CONSTRAINT no_b CHECK (name <> 'B')")
    with pytest.raises(SqlError, match="no_b"):
        transform.transform(connection, chunk_rows=1, history=history)
    assert scalar(connection, "SELECT doc ->> 'name' FROM amo.documents") == "B"
    between = now(connection)
    stage(connection, "C", 3)

    transform.transform(connection, history=KEEP)

    assert seen(connection, between) == (("B", True) if history else ("A", False))
    assert seen(connection, now(connection)) == ("C", True)


def test_a_reader_of_amo_may_look_back(connection: Connection) -> None:
    """Whoever may read amo.* needs no right in ops."""
    stage(connection, "A", 1)
    transform.transform(connection, history=KEEP)
    name = sql.Identifier(f"reader_{connection.info.backend_pid}")
    for statement in (
        "CREATE ROLE {}", "GRANT USAGE ON SCHEMA amo TO {}",
        "GRANT SELECT ON ALL TABLES IN SCHEMA amo TO {}", "SET ROLE {}",
    ):  # fmt: skip
        connection.execute(sql.SQL(statement).format(name))
    try:
        assert seen(connection, now(connection)) == ("A", True)
    finally:
        connection.execute("RESET ROLE")
        connection.execute(sql.SQL("DROP OWNED BY {}").format(name))
        connection.execute(sql.SQL("DROP ROLE {}").format(name))
