"""The nightly job: a full load, its transform, and the cleaning up, under one lock."""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import psycopg

from loader import (
    __version__,
    aftermath,
    db,
    doctor,
    locks,
    migrate,
    retention,
    runs,
    streams,
    textfile,
)
from loader import load as loading
from loader import transform as transforming
from loader.config import Config
from loader.db import Connection, scalar
from loader.errors import AmoError, DeleteGuardError, Interrupted, PartialError, UsageError
from loader.progress import NOBODY, OnFile, Watcher, unwatched
from loader.retention import Keep
from loader.transform import Done
from loader.versions import History
from tuning import collect, revert
from tuning.plan import Wanted
from tuning.run import PAYS_FROM_ROWS, tuned

logger = logging.getLogger("amo.refresh")

# Streams are missing or were not trusted; what the others brought is worth its transform.
IN_PART = (PartialError, DeleteGuardError)


class Stop(Protocol):
    """Signals: a load ends after its pages in flight, a transform at once."""

    event: threading.Event
    number: int | None

    def interrupting(self) -> AbstractContextManager[None]:
        """Inside, a signal raises KeyboardInterrupt, upon which psycopg cancels the statement."""


@dataclass(frozen=True, slots=True)
class Watching:
    """Who is told how far the two parts are; by default nobody."""

    load: Callable[[], AbstractContextManager[Watcher]] = lambda: nullcontext(NOBODY)
    transform: Callable[[], AbstractContextManager[OnFile]] = lambda: nullcontext(unwatched)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the command line asks for; chunk_rows and history as for a transform."""

    keep: Keep
    history: History | None = None
    chunk_rows: int | None = None
    max_delete_percent: float = 5.0
    is_persistent: bool = False  # autovacuum off on large tables meanwhile
    has_system: bool = False  # settings of the server as well
    watching: Watching = field(default_factory=Watching)


@dataclass(slots=True)
class Night:
    """How far a refresh came; trouble: its load ended in part, all else was done."""

    run_id: int
    load_id: int | None = None
    transform: Done | None = None
    trouble: AmoError | None = None


def refresh(config: Config, dsn: str, wishes: Wishes, stop: Stop) -> Night:
    """Load all, transform it, forget what is old. Raises AmoError, and what is safe stands in it.

    A load that ended in part is transformed all the same: `trouble` is to be raised by the
    caller. Whatever ends it, the next one repairs what is left.
    """
    with db.connect(dsn, command="refresh") as connection:
        migrate.require_current(connection)
        locks.acquire_refresh(connection)
        night = Night(_begin(connection, config))
        try:
            revert.recover(connection)
            doctor.raise_fatal(connection, config)
            with _tuning(connection, config, wishes):
                _load(config, dsn, wishes, stop, night)
                _transform(dsn, wishes, stop, night)
            retention.run(connection, wishes.keep)
        except (AmoError, psycopg.Error, KeyboardInterrupt) as exc:
            error = _explained(connection, night, _as_error(exc, stop))
            _finish(connection, config, night, error)
            raise error from exc
        night.trouble = night.trouble and _explained(connection, night, night.trouble)
        _finish(connection, config, night, night.trouble)
        return night


def _begin(connection: Connection, config: Config) -> int:
    """A row for this night; one that a kill left open is closed."""
    connection.execute(
        "UPDATE ops.runs SET status = 'failed', finished_at = now(),"
        " message = 'ended without a word' WHERE kind = 'refresh' AND status = 'running'"
    )
    return int(
        scalar(
            connection,
            # Its account is known from an earlier load, until the new one has asked.
            "INSERT INTO ops.runs (kind, mode, base_url, version, host, pid, account_id)"
            " VALUES ('refresh', 'full', %(url)s, %(version)s, %(host)s, %(pid)s,"
            " (SELECT account_id FROM ops.runs WHERE kind = 'load' AND base_url = %(url)s"
            " ORDER BY id DESC LIMIT 1)) RETURNING id",
            {
                "url": config.base_url,
                "version": __version__,
                "host": socket.gethostname(),
                "pid": os.getpid(),
            },
        )
    )


def _tuning(connection: Connection, config: Config, wishes: Wishes) -> AbstractContextManager[None]:
    if not wishes.is_persistent:
        return nullcontext()
    space = collect.wal_space_bytes(connection, config) if wishes.has_system else None
    wanted = Wanted(min_rows=PAYS_FROM_ROWS, has_system=wishes.has_system, wal_space_bytes=space)
    return tuned(connection, wanted)


def _load(config: Config, dsn: str, wishes: Wishes, stop: Stop, night: Night) -> None:
    options = loading.Options(
        streams.select(()),
        max_delete_percent=wishes.max_delete_percent,
        refreshed_by=night.run_id,
    )
    try:
        with wishes.watching.load() as watcher:
            loading.load(config, dsn, options, stop.event, watcher)
    except IN_PART as exc:
        night.trouble = exc
    if stop.number is not None:
        raise KeyboardInterrupt


def _transform(dsn: str, wishes: Wishes, stop: Stop, night: Night) -> None:
    """On a connection of its own, which a signal may break off in the middle."""
    with (
        db.connect(dsn, command="transform") as connection,
        wishes.watching.transform() as on_file,
        stop.interrupting(),
    ):
        night.transform = transforming.transform(
            connection,
            chunk_rows=wishes.chunk_rows,
            history=wishes.history,
            refreshed_by=night.run_id,
            on_file=on_file,
        )
        night.load_id = scalar(
            connection,
            "SELECT max(id) FROM ops.runs WHERE kind = 'load' AND refreshed_by = %s",
            (night.run_id,),
        )


def _as_error(exc: BaseException, stop: Stop) -> AmoError:
    """Whatever error a stop led to, it is the signal that is reported."""
    if stop.number is not None:
        return Interrupted(stop.number)
    if isinstance(exc, psycopg.Error):
        return db.explain(exc)
    if isinstance(exc, AmoError):
        return exc
    raise exc


def _explained(connection: Connection, night: Night, error: AmoError) -> AmoError:
    """The same error, with what is safe and what else went wrong in its DETAIL."""
    lines = [error.detail] if error.detail else []
    if night.trouble and night.trouble is not error:
        lines.append(f"before that: {night.trouble.what}")
    lines += aftermath.tell(connection, night.run_id)
    error.detail = "\n".join(lines)
    if isinstance(error, PartialError):
        error.hint += " && bin/transform; or leave it to the next night, which reads all again"
    return error


def _finish(connection: Connection, config: Config, night: Night, error: AmoError | None) -> None:
    """Close the row of the night, and of a transform that was broken off."""
    status = "ok"
    if error:
        status = "partial" if error is night.trouble else "failed"
        status = "interrupted" if isinstance(error, Interrupted) else status
    code, message = (error.exit_code, error.what) if error else (0, "")
    try:
        connection.execute(
            "UPDATE ops.runs SET status = %s, exit_code = %s, message = %s, finished_at = now()"
            " WHERE kind = 'transform' AND refreshed_by = %s AND status = 'running'",
            (status, None if status == "interrupted" else code, message, night.run_id),
        )
        connection.execute(
            "UPDATE ops.runs SET account_id = load.account_id FROM ops.runs AS load"
            " WHERE load.kind = 'load' AND load.refreshed_by = runs.id AND runs.id = %s",
            (night.run_id,),
        )
        runs.finish(connection, night.run_id, status, code, message)
    except psycopg.Error as exc:
        # The server is gone: the next refresh closes the row.
        logger.info("run %s is left open: %s", night.run_id, exc)
        return
    if file := config.get("textfile"):
        _write_metrics(connection, Path(file).expanduser())


def _write_metrics(connection: Connection, file: Path) -> None:
    """No night fails by them; who watches their age is told by it."""
    try:
        textfile.write(connection, file)
    except UsageError as exc:
        logger.warning("%s: %s", exc.what, exc.detail)
    except psycopg.Error as exc:
        logger.warning("the file of metrics was not written: %s", " ".join(str(exc).split()))
