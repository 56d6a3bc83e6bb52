"""Migrations: numbered files, each in a transaction of its own, never edited once applied."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg

from loader import __version__, db, sqlfiles
from loader.db import Connection, scalar
from loader.errors import LockedError, SchemaError, SqlError
from loader.sqlfiles import SqlFile

_LOCK = 727_000


@dataclass(frozen=True, slots=True)
class State:
    """The schema of one database against the files of this version."""

    applied: tuple[str, ...]
    pending: tuple[SqlFile, ...]
    edited: tuple[str, ...]
    unknown: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        """Nothing of ours is in the database yet."""
        return not self.applied

    @property
    def is_current(self) -> bool:
        return not (self.pending or self.edited or self.unknown)


def inspect(connection: Connection) -> State:
    """Compare the ledger ops.migrations with the files."""
    files = {file.stem: file for file in sqlfiles.find("migrations")}
    applied: dict[str, str] = {}
    if scalar(connection, "SELECT to_regclass('ops.migrations')") is not None:
        rows = connection.execute("SELECT name, checksum FROM ops.migrations ORDER BY name")
        applied = {str(name): str(checksum) for name, checksum in rows}
    return State(
        applied=tuple(applied),
        pending=tuple(file for name, file in files.items() if name not in applied),
        edited=tuple(
            name
            for name, checksum in applied.items()
            if name in files and files[name].checksum != checksum
        ),
        unknown=tuple(name for name in applied if name not in files),
    )


def up(connection: Connection) -> list[str]:
    """Apply what is pending, in order; returns the names. A failing file changes nothing."""
    with _exclusive(connection):
        state = inspect(connection)
        _refuse_drift(state)
        for file in state.pending:
            _apply(connection, file)
        return [file.stem for file in state.pending]


def require_ours(connection: Connection) -> None:
    """Refuse an empty database, for who only looks, and any that does not match this version."""
    if inspect(connection).is_empty:
        raise SchemaError("nothing of ours is in this database", hint="bin/load comes first")
    require_current(connection)


def require_current(connection: Connection) -> None:
    """Bring an empty database up; refuse any other that does not match this version."""
    state = inspect(connection)
    if state.is_empty:
        up(connection)
        return
    _refuse_drift(state)
    if state.pending:
        raise SchemaError(
            "the schema in the database is older than this version",
            detail="not applied: " + ", ".join(file.stem for file in state.pending),
            hint="bin/migrate up",
        )


def _refuse_drift(state: State) -> None:
    if state.unknown:
        raise SchemaError(
            "the schema in the database is newer than this version",
            detail="applied but unknown here: " + ", ".join(state.unknown),
            hint="use the version that wrote it, or a newer one",
        )
    if state.edited:
        raise SchemaError(
            "a migration was edited after it was applied",
            detail=", ".join(state.edited),
            hint="restore the file from the release; put the change into a new migration",
        )


def _apply(connection: Connection, file: SqlFile) -> None:
    try:
        with connection.transaction():
            connection.execute(file.text)
            connection.execute(
                "INSERT INTO ops.migrations (name, checksum, version) VALUES (%s, %s, %s)",
                (file.stem, file.checksum, __version__),
            )
    except psycopg.Error as exc:
        raise SqlError(
            f"migration {file.stem} failed",
            detail=f"{file.line_of(exc)}: {exc.diag.message_primary}",
            hint=exc.diag.message_hint
            or db.remedy(exc.sqlstate or "")
            or "nothing of this migration was kept; earlier ones stay applied",
        ) from exc


@contextmanager
def _exclusive(connection: Connection) -> Iterator[None]:
    """One migration at a time per database; gives up at once instead of queueing."""
    if scalar(connection, "SELECT pg_try_advisory_lock(%s, 0)", (_LOCK,)) is not True:
        raise LockedError(
            "another migration is running on this database",
            hint="wait for it to end and run the same command again",
        )
    try:
        yield
    finally:
        connection.execute("SELECT pg_advisory_unlock(%s, 0)", (_LOCK,))
