"""A load from start to end: account, lock, run, streams, verdict."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

from loader import account, db, declared, listings, locks, migrate, progress, runs, verdict
from loader.account import Account
from loader.api.auth import credentials
from loader.api.client import Client
from loader.api.drive import Drive
from loader.api.pace import Pace
from loader.companies import Companies
from loader.config import Config
from loader.db import Connection
from loader.deletions import Sweep
from loader.early import Early
from loader.errors import AmoError
from loader.fetching import Clients
from loader.lists import Lists, Outcome
from loader.meter import Meter
from loader.metrics import Traffic
from loader.paging import Listing
from loader.progress import NOBODY, Watcher
from loader.reading import Course, Reading
from loader.recheck import Recheck
from loader.runs import Run
from loader.selection import Selection
from loader.streams import ACCOUNT, Stream
from loader.workers import WORKERS, Workers
from tuning import revert

logger = logging.getLogger("amo.load")


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for; resume: True, False, or None for the default."""

    streams: Sequence[Stream]
    mode: str = "full"
    selection: Selection | None = None  # only these companies, and what is linked to them
    resume: bool | None = None
    may_add_account: bool = False
    max_delete_percent: float = 5.0
    refreshed_by: int | None = None  # the run of bin/refresh that this is a part of


def load(
    config: Config,
    dsn: str,
    options: Options,
    stop: threading.Event,
    watcher: Watcher = NOBODY,
) -> Outcome:
    """Bring staging up to what amoCRM says now; `stop` ends it after the pages in flight.

    Raises AmoError; whatever was committed stays, and the next call continues.
    """
    pace = Pace(config.rate, config.base_url, dsn)
    traffic = Traffic()
    access = credentials(config, dsn, pace, stop, traffic)
    client = Client(access, pace, stop, traffic)
    with (
        pace,
        db.connect(dsn, command="load") as connection,
        ThreadPoolExecutor(WORKERS, thread_name_prefix="page") as pool,
        ExitStack() as ending,
    ):
        migrate.require_current(connection)
        revert.recover(connection)
        early = Early(client, pool)
        try:
            asking = pool.submit(account.ask, client, stop)
            # A token from OAuth may have to be renewed first, by one thread.
            is_new = not runs.may_resume(connection, options.resume)
            if config.token() and options.mode == "full" and is_new:
                # The account's turn comes first: nothing can be staged without its answer.
                asking.add_done_callback(lambda _: pace.begun.set())
                pace.begun.wait()
                early.ask(_first_lists(options.streams))
            asked = asking.result()
            run = _begin(connection, config, options, asked)
            ending.callback(locks.release, connection, asked.id)
            meter = Meter(connection, run.id, traffic, config.rate)
            ending.callback(meter.close)  # however it ends
            drive = Drive(access, pace, stop, traffic, asked.drive_url)
            clients: Clients = {"account": early, "drive": drive}
            progress.begin(watcher, connection, run.id, config.rate, traffic)
            workers = Workers(pool, connection, dsn, clients, early, run, stop, watcher)
            return _read(connection, options, asked, run, workers, meter, stop)
        except Exception:
            early.give_up()
            stop.set()
            raise


def _begin(connection: Connection, config: Config, options: Options, asked: Account) -> Run:
    """Under the lock of the account, which lives as long as the connection."""
    runs.check_account(connection, asked.id, may_add=options.may_add_account)
    locks.acquire(connection, asked.id)
    declared.declare_streams(connection)
    run = runs.begin(
        connection,
        mode=options.mode,
        account_id=asked.id,
        base_url=config.base_url,
        streams=[stream.name for stream in options.streams],
        resume=options.resume,
        as_of=asked.answer.answered_at,
        companies=options.selection.terms if options.selection else None,
        refreshed_by=options.refreshed_by,
    )
    verb = "continues" if run.resumed else "begins"
    ids = {"run_id": run.id, "account_id": asked.id}
    logger.info("load %s of account %s %s", run.id, asked.id, verb, extra=ids)
    return run


def _read(
    connection: Connection, options: Options, asked: Account, run: Run, workers: Workers,
    meter: Meter, stop: threading.Event,
) -> Outcome:  # fmt: skip
    outcome = Outcome(run)
    try:
        account.stage_page(connection, outcome, asked.answer, has_all=options.selection is None)
        course = _plan(connection, outcome, options, has_filter=asked.has_filter)

        def closed(reading: Reading) -> list[Reading]:
            opened = course.closed(reading)
            meter.write()
            return opened

        with workers:
            workers.read(course.ready(), closed)
    except AmoError as exc:
        runs.finish(connection, run.id, "failed", exc.exit_code, exc.what)
        raise
    again = "--companies … --resume" if options.selection else ""
    verdict.close(connection, outcome, again, stopped=stop.is_set())
    return outcome


def _first_lists(streams: Sequence[Stream]) -> list[Listing]:
    """What is asked for before the account has answered: as much as one answer takes time."""
    lists = [
        listings.whole_list(stream)
        for stream in sorted(streams, key=lambda stream: stream.vanishing is None)
        if stream.parent is None
        and stream.changes != "created"
        and stream.host == "account"
        and stream is not ACCOUNT
    ]
    return lists[: WORKERS - 1]


def _plan(
    connection: Connection, outcome: Outcome, options: Options, *, has_filter: bool
) -> Course:
    """The lists, then what slipped through between their pages, then what vanished."""
    run, streams, course = outcome.run, options.streams, Course()
    if options.selection:
        Companies(connection, outcome, options.selection, has_filter).add_to(course)
        return course
    watermarks = runs.watermarks(connection, run) if options.mode == "incremental" else {}
    Lists(connection, outcome, options.mode, has_filter).add_to(course, streams)
    marks = [watermarks[stream.name] for stream in streams if stream.name in watermarks]
    # The first pages may be a little older than the answer that told the time.
    since = min([run.as_of - 60, *(mark - listings.OVERLAP_SECONDS for mark in marks)])
    Recheck(connection, run, since).add_to(course, streams)
    Sweep(connection, outcome, has_filter, options.max_delete_percent).add_to(
        course, streams, watermarks
    )
    return course
