"""Streams of one load side by side: a few threads, each with a database connection."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

import psycopg

from loader import db, runs
from loader.api.client import Client
from loader.api.verdict import Unavailable
from loader.db import Connection
from loader.errors import AmoError, BlockedError, CredentialsError, TemporaryError, UsageError
from loader.reading import Reader
from loader.runs import Run
from loader.staging import already_staged
from loader.streams import Stream

logger = logging.getLogger("amo.load")

# Enough to keep 7 requests a second in the air at 1.5 s of latency.
WORKERS = 11
HEARTBEAT_SECONDS = 2

# These concern the whole account: no other stream would fare better.
FATAL = (CredentialsError, BlockedError, UsageError)


@dataclass(slots=True)
class Outcome:
    """How the streams of a load ended, by name."""

    run: Run
    account_id: int
    complete: list[str] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    failed: dict[str, AmoError] = field(default_factory=dict)


class Workers:
    """Reads the streams of one run; use once."""

    def __init__(self, dsn: str, client: Client, outcome: Outcome, stop: threading.Event) -> None:
        self._dsn = dsn
        self._client = client
        self._outcome = outcome
        self._stop = stop
        self._local = threading.local()
        self._connections: list[Connection] = []

    def read(self, connection: Connection, streams: Iterable[Stream]) -> None:
        """Read all streams; `connection` is the one that holds the lock of the account.

        A fatal error, or the loss of that connection, sets `stop`, lets the others finish
        their page and is raised then.
        """
        run = self._outcome.run
        self._staged = already_staged(connection, run.id) if run.resumed else {}
        done = runs.finished_streams(connection, run)
        self._outcome.complete += sorted(done - set(self._outcome.complete))
        todo = [stream for stream in streams if stream.name not in self._outcome.complete]
        names = {stream.name for stream in todo}
        children = [stream for stream in todo if stream.parent in names]
        try:
            with ThreadPoolExecutor(WORKERS, thread_name_prefix="stream") as pool:
                running = {
                    pool.submit(self._read_stream, stream): stream
                    for stream in todo
                    if stream not in children
                }
                self._drain(pool, running, children, connection)
        finally:
            for opened in self._connections:
                opened.close()

    def _drain(
        self,
        pool: ThreadPoolExecutor,
        running: dict[Future[None], Stream],
        children: list[Stream],
        lock_holder: Connection,
    ) -> None:
        fatal: BaseException | None = None
        while running:
            done = wait(running, timeout=HEARTBEAT_SECONDS, return_when=FIRST_COMPLETED).done
            try:
                lock_holder.execute("SELECT 1")
            except psycopg.Error as lost:
                # Another run may start now: nobody may go on in the name of this one.
                fatal = fatal or lost
                self._stop.set()
            for future in done:
                parent = running.pop(future)
                if (exc := future.exception()) is not None:
                    fatal = fatal or exc
                    self._stop.set()
                    continue
                for child in [child for child in children if child.parent == parent.name]:
                    running[pool.submit(self._read_stream, child)] = child
        if fatal is not None:
            raise fatal

    def _read_stream(self, stream: Stream) -> None:
        if self._stop.is_set():
            return
        started = time.monotonic()
        reader = self._reader()
        outcome = self._outcome
        try:
            if stream.parent in outcome.failed:
                raise TemporaryError(f"{stream.parent}, which names its lists, failed")
            if not reader.read(stream):
                return
            status, message = "complete", ""
            outcome.complete.append(stream.name)
        except Unavailable as exc:
            status, message = "skipped", str(exc)
            outcome.skipped[stream.name] = message
            logger.warning("%s skipped: %s", stream.name, message)
        except FATAL:
            raise
        except AmoError as exc:
            if self._stop.is_set():
                return
            status, message = "failed", exc.what
            outcome.failed[stream.name] = exc
            logger.warning("%s failed: %s (%s)", stream.name, exc.what, exc.detail)
        seconds = time.monotonic() - started
        runs.end_stream(reader.connection, outcome.run, stream.name, status, message, seconds)
        logger.debug("%s %s in %.1f s", stream.name, status, seconds)

    def _reader(self) -> Reader:
        """The reader of this thread."""
        reader: Reader | None = getattr(self._local, "reader", None)
        if reader is None:
            connection = db.connect(self._dsn, command=f"load:{self._outcome.run.id}")
            self._connections.append(connection)
            reader = Reader(
                connection, self._client, self._outcome.run.id, self._stop, self._staged
            )
            self._local.reader = reader
        return reader
