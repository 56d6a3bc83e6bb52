"""The life of the staging tables: UNLOGGED, emptied by a crash of the server or when spent.

staging.epoch has one row. A crash empties it together with the pages, so that a missing row
tells what a logged ledger could not know.
"""

from __future__ import annotations

from psycopg import errors

from loader.db import Connection, scalar


def ensure(connection: Connection) -> str:
    """The epoch of the staging tables; a new one means that a server crash emptied them.

    Loads that still wait for their transform are marked lost then, and their pages with them.
    """
    with connection.transaction():
        connection.execute("LOCK TABLE staging.epoch IN SHARE ROW EXCLUSIVE MODE")
        epoch = scalar(connection, "SELECT epoch FROM staging.epoch LIMIT 1")
        if epoch is None:
            epoch = scalar(
                connection,
                "INSERT INTO staging.epoch (epoch) VALUES (gen_random_uuid()) RETURNING epoch",
            )
        lost = [
            run_id
            for (run_id,) in connection.execute(
                "UPDATE ops.runs SET status = 'lost', epoch = %(epoch)s"
                " WHERE kind = 'load' AND transformed_by IS NULL AND status <> 'abandoned'"
                " AND epoch IS DISTINCT FROM %(epoch)s RETURNING id",
                {"epoch": epoch},
            )
        ]
        if lost:
            _forget(connection, lost)
    return str(epoch)


def _forget(connection: Connection, lost: list[int]) -> None:
    """What these loads had read is not there any more."""
    connection.execute("SELECT ops.take_back_watermarks(%s)", (lost,))
    connection.execute("DELETE FROM ops.run_streams WHERE run_id = ANY (%s)", (lost,))
    connection.execute("DELETE FROM ops.selected WHERE run_id = ANY (%s)", (lost,))
    connection.execute(
        "UPDATE ops.pages SET status = 'lost' WHERE status = 'staged' AND run_id = ANY (%s)",
        (lost,),
    )
    # What is left of them would be staged, or noted, a second time.
    connection.execute("DELETE FROM staging.pages WHERE run_id = ANY (%s)", (lost,))
    connection.execute("DELETE FROM ops.rejects WHERE run_id = ANY (%s)", (lost,))


def drop_spent_pages(connection: Connection) -> None:
    """Take pages out of staging that no transform waits for; called within a transaction."""
    try:
        with connection.transaction():  # a savepoint: failing here must not fail the load
            if not _is_awaited(connection):
                # Another load may begin at this moment: under the lock no page of it can land.
                connection.execute("LOCK TABLE staging.pages IN ACCESS EXCLUSIVE MODE")
            if not _is_awaited(connection):
                connection.execute("TRUNCATE staging.pages")
            else:
                connection.execute(
                    "DELETE FROM staging.pages USING ops.runs WHERE runs.id = pages.run_id"
                    " AND (runs.transformed_by IS NOT NULL OR runs.status = 'abandoned')"
                )
    except errors.LockNotAvailable:
        pass  # pg_dump or a reader is at it; the next load does it


def _is_awaited(connection: Connection) -> bool:
    """Does any load still need its pages?"""
    query = (
        "SELECT EXISTS (SELECT FROM ops.runs WHERE kind = 'load' AND transformed_by IS NULL"
        " AND status <> 'abandoned')"
    )
    return bool(scalar(connection, query))
