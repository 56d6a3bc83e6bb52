"""Reading the streams of one load: a few threads, each with a database connection.

The main thread decides which page of which list is asked for next (loader/paging.py), the
threads fetch and stage it. All share one pace, so more threads do not mean more requests.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field

import psycopg

from loader import db, listings, runs
from loader.api.client import Client, TooHeavy, Unavailable
from loader.db import Connection
from loader.errors import AmoError, BlockedError, CredentialsError, TemporaryError, UsageError
from loader.fetching import Fetcher
from loader.paging import Listing
from loader.runs import Run
from loader.staging import Place, Staged, already_staged
from loader.streams import Stream

logger = logging.getLogger("amo.load")

# Enough to keep 7 requests a second in the air at 1.5 s of latency.
WORKERS = 12
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
    guard: AmoError | None = None


@dataclass(slots=True, eq=False)
class _Reading:
    """A stream that is being read."""

    stream: Stream
    open: list[Listing]
    since: float = field(default_factory=time.monotonic)


class Workers:
    """Reads the streams of one run; use once."""

    def __init__(
        self, connection: Connection, dsn: str, client: Client, outcome: Outcome,
        stop: threading.Event,
    ) -> None:  # fmt: skip
        """`connection` is the one that holds the lock of the account."""
        self._connection = connection
        self._dsn = dsn
        self._client = client
        self._outcome = outcome
        self._stop = stop
        self._local = threading.local()
        self._opened: list[Connection] = []
        self._staged: dict[Place, Staged] = {}
        self._readings: list[_Reading] = []
        self._flying: dict[Future[Staged], tuple[_Reading, Listing, int]] = {}

    def read(self, streams: Iterable[Stream]) -> None:
        """Read all streams. A fatal error, or the loss of the lock's connection, sets `stop`,
        lets what is in flight be committed, and is raised then."""
        run, outcome = self._outcome.run, self._outcome
        if run.resumed:
            self._staged = already_staged(self._connection, run.id)
        ended = runs.ended_streams(self._connection, run)
        for name, (status, message) in ended.items():
            if status == "skipped":
                outcome.skipped[name] = message
            elif name not in outcome.complete:
                outcome.complete.append(name)
        todo = [stream for stream in streams if stream.name not in ended]
        names = {stream.name for stream in todo}
        children = [stream for stream in todo if stream.parent in names]
        try:
            with ThreadPoolExecutor(WORKERS, thread_name_prefix="page") as pool:
                parents = {stream.parent for stream in children}
                # Those that others wait for go first.
                for stream in sorted(todo, key=lambda stream: stream.name not in parents):
                    if stream not in children:
                        self._open(stream, children)
                self._loop(pool, children)
        finally:
            for opened in self._opened:
                opened.close()

    def _loop(self, pool: ThreadPoolExecutor, children: list[Stream]) -> None:
        fatal: Exception | None = None
        while True:
            if not self._stop.is_set():
                self._submit(pool)
            if not self._flying:
                break
            done = wait(self._flying, HEARTBEAT_SECONDS, FIRST_COMPLETED).done
            try:
                if not done:
                    self._connection.execute("SELECT 1")
                for future in done:
                    self._land(future, *self._flying.pop(future), children)
            except (*FATAL, psycopg.Error) as exc:
                # Without the lock another run may start: nobody may go on in this one's name.
                fatal = fatal or exc
                self._stop.set()
        if fatal is not None:
            raise fatal
        assert self._stop.is_set() or not self._readings  # noqa: S101 - nothing is left over

    def _submit(self, pool: ThreadPoolExecutor) -> None:
        """Fill the free threads, one page of each list in turn."""
        turn = [(reading, listing) for reading in self._readings for listing in reading.open]
        while turn and len(self._flying) < WORKERS:
            waiting = []
            for reading, listing in turn:
                page_no = listing.take() if len(self._flying) < WORKERS else None
                if page_no is not None:
                    future = pool.submit(self._fetch, listing, page_no)
                    self._flying[future] = (reading, listing, page_no)
                    waiting.append((reading, listing))
            turn = waiting

    def _land(
        self, future: Future[Staged], reading: _Reading, listing: Listing, page_no: int,
        children: list[Stream],
    ) -> None:  # fmt: skip
        """Take in what became of one page."""
        try:
            listing.put(page_no, future.result())
        except TooHeavy as exc:
            logger.info("%s page %s: %s; going on with smaller pages", listing.path, page_no, exc)
            try:
                listing.too_heavy(page_no, str(exc))
            except TemporaryError as too_small:
                self._fail(reading, too_small, children)
        except Unavailable as exc:
            listing.in_flight.discard(page_no)
            self._unavailable(reading, listing, exc, children)
        except FATAL:
            raise
        except AmoError as exc:
            self._fail(reading, exc, children)
        listing.settle()
        if listing in reading.open and listing.is_complete:
            reading.open.remove(listing)
        if reading in self._readings and not reading.open:
            self._close(reading, "complete", "", children)

    def _open(self, stream: Stream, children: list[Stream]) -> None:
        reading = _Reading(stream, [])
        self._readings.append(reading)
        parent = stream.parent or ""
        if parent in self._outcome.failed:
            error = TemporaryError(f"{parent}, which names its lists, failed")
            self._fail(reading, error, children)
            return
        if parent in self._outcome.skipped:
            self._skip(reading, f"{parent}, which names its lists, was skipped", children)
            return
        try:
            reading.open = listings.of_stream(self._connection, self._outcome.run.id, stream)
        except TemporaryError as exc:
            self._fail(reading, exc, children)
            return
        if not reading.open:
            self._close(reading, "complete", "", children)

    def _unavailable(
        self, reading: _Reading, listing: Listing, why: Unavailable, children: list[Stream]
    ) -> None:
        """A stream that the account has not; of many lists, one that went away; or a list that
        gave pages before and broke off, which is a failure."""
        if listing not in reading.open:
            return
        if listing.staged:
            error = TemporaryError(f"{reading.stream.name} broke off", detail=str(why))
            self._fail(reading, error, children)
        elif reading.stream.parent is None:
            self._skip(reading, str(why), children)
        else:
            logger.warning("%s skipped: %s", listing.path, why)
            reading.open.remove(listing)

    def _skip(self, reading: _Reading, message: str, children: list[Stream]) -> None:
        logger.warning("%s skipped: %s", reading.stream.name, message)
        self._outcome.skipped[reading.stream.name] = message
        self._close(reading, "skipped", message, children)

    def _fail(self, reading: _Reading, exc: AmoError, children: list[Stream]) -> None:
        if self._stop.is_set() or reading not in self._readings:
            return
        logger.warning("%s failed: %s (%s)", reading.stream.name, exc.what, exc.detail)
        self._outcome.failed[reading.stream.name] = exc
        self._close(reading, "failed", exc.what, children)

    def _close(self, reading: _Reading, status: str, message: str, children: list[Stream]) -> None:
        self._readings.remove(reading)
        reading.open = []  # what is still in flight of it is committed and not looked at
        name, seconds = reading.stream.name, time.monotonic() - reading.since
        if status == "complete":
            self._outcome.complete.append(name)
        runs.end_stream(self._connection, self._outcome.run, name, status, message, seconds)
        logger.debug("%s %s in %.1f s", name, status, seconds)
        for child in [child for child in children if child.parent == name]:
            self._open(child, children)

    def _fetch(self, listing: Listing, page_no: int) -> Staged:
        """In a thread: a page that an earlier process committed needs no request."""
        place = Place.of(self._outcome.run.id, listing.stream.name, listing.params(), page_no)
        if (known := self._staged.get(place)) is not None:
            return known
        fetcher: Fetcher | None = getattr(self._local, "fetcher", None)
        if fetcher is None:
            connection = db.connect(self._dsn, command=f"load:{self._outcome.run.id}")
            self._opened.append(connection)
            fetcher = self._local.fetcher = Fetcher(connection, self._client, self._outcome.run.id)
        return fetcher.fetch(listing, page_no)
