"""The connection of bin/tune apply, revert and status."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from loader import config as configuration
from loader import db, migrate
from loader.db import Connection
from loader.errors import UsageError
from tuning import holder


@contextmanager
def connection() -> Iterator[Connection]:
    """To a database of ours, not through a pooler. Raises AmoError."""
    with (
        db.server(configuration.load({})) as dsn,
        db.connect(dsn, command="tune") as opened,
    ):
        migrate.require_ours(opened)
        if not holder.is_direct(opened):
            raise UsageError(
                "this connection goes through a pooler",
                detail="locks of a session protect nothing there",
                hint="connect directly to PostgreSQL",
            )
        yield opened
