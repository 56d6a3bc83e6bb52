"""Reading lists with a few threads, each with a database connection.

The main thread decides which page of which list is asked for next (loader/paging.py), the
threads fetch and stage it. All share one pace, so more threads do not mean more requests.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from types import TracebackType
from typing import Any

import psycopg

from loader import db
from loader.api.client import Answer, TooHeavy, Unavailable
from loader.db import Connection
from loader.early import Early
from loader.errors import AmoError, BlockedError, CredentialsError, TemporaryError, UsageError
from loader.fetching import Clients, Fetcher
from loader.ledger import Place, Staged, already_staged
from loader.paging import Ignored, Listing
from loader.progress import NOBODY, Watcher
from loader.reading import Reading
from loader.runs import Run

logger = logging.getLogger("amo.load")

# Enough to keep 7 requests a second in the air at 1.5 s of latency.
WORKERS = 12
HEARTBEAT_SECONDS = 2

ENDED = "%(stream)s %(status)s: %(pages)s pages, %(rows)s rows, %(seconds).1f s"

# These concern the whole account: no other stream would fare better.
FATAL = (CredentialsError, BlockedError, UsageError)


class Workers:
    """The threads of one run, and the pages that they have in flight."""

    def __init__(
        self,
        pool: ThreadPoolExecutor,
        connection: Connection,
        dsn: str,
        clients: Clients,
        early: Early,
        run: Run,
        stop: threading.Event,
        watcher: Watcher = NOBODY,
    ) -> None:
        """`connection` is the one that holds the lock of the account."""
        self._pool = pool
        self._connection = connection
        self._dsn = dsn
        self._clients = clients
        self._early = early
        self._run = run
        self._stop = stop
        self._watcher = watcher
        self._local = threading.local()
        self._opened: list[Connection] = []
        self._staged: dict[Place, Staged] = {}
        self._readings: list[Reading] = []
        self._flying: dict[Future[Staged], tuple[Reading, Listing, int]] = {}

    def __enter__(self) -> Workers:
        if self._run.resumed:
            self._staged = already_staged(self._connection, self._run.id)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exc: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        wait(self._flying)
        for opened in self._opened:
            opened.close()

    def read(
        self, readings: Iterable[Reading], closed: Callable[[Reading], Iterable[Reading]]
    ) -> None:
        """Read lists to their ends; `closed` is told of each and says what to read then.

        A fatal error, or the loss of the lock's connection, sets `stop`, lets what is in flight
        be committed, and is raised then.
        """
        self._open(readings)
        fatal: Exception | None = None
        while True:
            early = set() if self._stop.is_set() else self._early.under_way()
            if not self._stop.is_set():
                self._submit(early)
            if not self._flying and not early:
                break
            awaited: set[Future[Any]] = {*self._flying, *early}
            done = wait(awaited, HEARTBEAT_SECONDS, FIRST_COMPLETED).done
            try:
                if not done:
                    self._connection.execute("SELECT 1")
                for future in self._flying.keys() & done:
                    self._land(future, *self._flying.pop(future))
                    self._close_ended(closed)
            except (*FATAL, psycopg.Error) as exc:
                # Without the lock another run may start: nobody may go on in this one's name.
                fatal = fatal or exc
                self._stop.set()
        if fatal is not None:
            raise fatal
        assert self._stop.is_set() or not self._readings  # noqa: S101 - nothing is left over

    def _open(self, readings: Iterable[Reading]) -> None:
        for reading in readings:
            self._readings.append(reading)
            self._watcher.opened(reading.name)

    def _submit(self, early: set[Future[Answer]]) -> None:
        """Fill the free threads, one page of each list in turn, the urgent ones first.

        A list whose first answer is under way would only keep a thread waiting.
        """
        free = WORKERS - len(early)
        for is_urgent in (True, False):
            self._fill(free, [
                (reading, listing)
                for reading in self._readings
                for listing in reading.open
                if reading.step.is_urgent is is_urgent
                and not (early and self._early.first_page(listing) in early)
            ])  # fmt: skip

    def _fill(self, free: int, turn: list[tuple[Reading, Listing]]) -> None:
        while turn and len(self._flying) < free:
            waiting = []
            for reading, listing in turn:
                page_no = listing.take() if len(self._flying) < free else None
                if page_no is not None:
                    future = self._pool.submit(self._fetch, listing, page_no)
                    self._flying[future] = (reading, listing, page_no)
                    waiting.append((reading, listing))
            turn = waiting

    def _land(
        self, future: Future[Staged], reading: Reading, listing: Listing, page_no: int
    ) -> None:
        """Take in what became of one page."""
        try:
            page = future.result()
            listing.put(page_no, page)
            if page.held:
                reading.note(page)
                self._watcher.landed(reading.name)
        except Ignored as exc:
            self._replace(reading, listing, str(exc))
        except TooHeavy as exc:
            names = self._names(reading, page_no)
            logger.info("%s page %s: %s; smaller ones now", listing.path, page_no, exc, extra=names)
            self._make_lighter(reading, listing, page_no, exc)
        except Unavailable as exc:
            listing.in_flight.discard(page_no)
            self._unavailable(reading, listing, exc)
        except FATAL:
            raise
        except AmoError as exc:
            self._fail(reading, exc)
        listing.settle()
        if listing in reading.open and listing.is_complete:
            reading.drop(listing)

    def _close_ended(self, closed: Callable[[Reading], Iterable[Reading]]) -> None:
        for reading in [reading for reading in self._readings if not reading.open]:
            self._readings.remove(reading)
            if not reading.status:
                reading.end("complete")
            figures = reading.figures | {"run_id": self._run.id}
            logger.info(ENDED, figures, extra=figures)
            self._watcher.ended(reading.name, reading.status)
            self._open(closed(reading))

    def _names(self, reading: Reading, page_no: int | None = None) -> dict[str, object]:
        """For who reads the logs by machine."""
        names: dict[str, object] = {"run_id": self._run.id, "stream": reading.name}
        return names if page_no is None else names | {"page_no": page_no}

    def _replace(self, reading: Reading, listing: Listing, why: str) -> None:
        """Go on in another way; what the ignored one brought is right, only not what was meant."""
        if listing not in reading.open:
            return
        logger.info("%s", why, extra=self._names(reading))
        reading.drop(listing)
        reading.open += listing.fallback or ()
        # Given up without another way, it is not whole.
        reading.is_whole = bool(listing.fallback) and all(one.is_whole for one in reading.open)

    def _make_lighter(
        self, reading: Reading, listing: Listing, page_no: int, why: TooHeavy
    ) -> None:
        """Smaller pages of a list; what cannot be divided is asked for in its other way."""
        if listing.limit is None and listing.fallback:
            listing.in_flight.discard(page_no)
            self._replace(reading, listing, str(why))
            return
        try:
            listing.too_heavy(page_no, str(why))
        except TemporaryError as too_small:
            self._fail(reading, too_small)

    def _unavailable(self, reading: Reading, listing: Listing, why: Unavailable) -> None:
        """A list that the account has not; one of many that went away; or one that gave pages
        before and broke off, which is a failure."""
        if listing not in reading.open:
            return
        if listing.staged:
            name = listing.stream.name
            self._fail(reading, TemporaryError(f"{name} broke off", detail=str(why)))
        elif reading.step.may_lose_lists:
            reading.lost += 1
            # Of thousands of single entities that this user may not see, one is told of.
            level = logging.INFO if listing.is_single and reading.lost > 1 else logging.WARNING
            logger.log(level, "%s skipped: %s", listing.path, why, extra=self._names(reading))
            reading.drop(listing)
        else:  # no warning: it is so every night, and the summary says it
            logger.info("%s skipped: %s", reading.name, why, extra=self._names(reading))
            reading.end("skipped", str(why))

    def _fail(self, reading: Reading, exc: AmoError) -> None:
        if self._stop.is_set() or reading not in self._readings or reading.status:
            return
        # No warning: the error that the command ends with names them all.
        words = (reading.name, exc.what, exc.detail)
        logger.info("%s failed: %s (%s)", *words, extra=self._names(reading))
        reading.end("failed", exc.what, exc)

    def _fetch(self, listing: Listing, page_no: int) -> Staged:
        """In a thread: a page that an earlier process committed needs no request."""
        place = Place.of(self._run.id, listing.stream.name, listing.params(), page_no)
        if (known := self._staged.get(place)) is not None:
            return known
        fetcher: Fetcher | None = getattr(self._local, "fetcher", None)
        if fetcher is None:
            connection = db.connect(self._dsn, command=f"load:{self._run.id}")
            self._opened.append(connection)
            fetcher = self._local.fetcher = Fetcher(connection, self._clients, self._run.id)
        return fetcher.fetch(listing, page_no)
