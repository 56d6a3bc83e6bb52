"""A load from start to end: account, lock, run, streams, verdict."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from loader import db, listings, locks, migrate, runs
from loader.api.auth import credentials
from loader.api.client import Answer, Client, TooHeavy, Unavailable
from loader.api.pace import Pace
from loader.config import Config
from loader.db import Connection
from loader.deletions import Sweep
from loader.early import Early
from loader.errors import AmoError, ConnectError, PartialError, TemporaryError
from loader.ledger import Place
from loader.lists import Lists, Outcome
from loader.paging import Listing
from loader.reading import Course
from loader.recheck import Recheck
from loader.runs import Ended
from loader.staging import NotAPage, stage
from loader.streams import ACCOUNT, STREAMS, Stream
from loader.workers import WORKERS, Workers

logger = logging.getLogger("amo.load")


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for; resume: True, False, or None for the default."""

    streams: Sequence[Stream]
    mode: str = "full"
    resume: bool | None = None
    may_add_account: bool = False
    max_delete_percent: float = 5.0


def load(config: Config, dsn: str, options: Options, stop: threading.Event) -> Outcome:
    """Bring staging up to what amoCRM says now; `stop` ends it after the pages in flight.

    Raises AmoError; whatever was committed stays, and the next call continues.
    """
    pace = Pace(config.rate)
    client = Client(credentials(config, dsn, pace, stop), pace, stop)
    with (
        db.connect(dsn, command="load") as connection,
        ThreadPoolExecutor(WORKERS, thread_name_prefix="page") as pool,
    ):
        migrate.require_current(connection)
        early = Early(client, pool)
        try:
            if options.mode == "full" and not runs.may_resume(connection, options.resume):
                early.ask(_first_lists(options.streams))
            return _load(connection, config, dsn, options, stop, client, early, pool)
        except Exception:
            early.give_up()
            stop.set()
            raise


def _load(
    connection: Connection, config: Config, dsn: str, options: Options, stop: threading.Event,
    client: Client, early: Early, pool: ThreadPoolExecutor,
) -> Outcome:  # fmt: skip
    answer, account_id, has_filter = _ask_account(client, stop)
    runs.check_account(connection, account_id, may_add=options.may_add_account)
    locks.acquire(connection, account_id)
    _declare_streams(connection)
    run = runs.begin(
        connection,
        mode=options.mode,
        account_id=account_id,
        base_url=config.base_url,
        streams=[stream.name for stream in options.streams],
        resume=options.resume,
        as_of=answer.answered_at,
    )
    verb = "continues" if run.resumed else "begins"
    logger.info("load %s of account %s %s", run.id, account_id, verb)
    outcome = Outcome(run)
    try:
        _stage_account(connection, outcome, answer)
        course = _plan(connection, outcome, options, has_filter=has_filter)
        with Workers(pool, connection, dsn, early, run, stop) as workers:
            workers.read(course.ready(), course.closed)
    except AmoError as exc:
        runs.finish(connection, run.id, "failed", exc.exit_code, exc.what)
        raise
    _close(connection, outcome, stopped=stop.is_set())
    return outcome


def _first_lists(streams: Sequence[Stream]) -> list[Listing]:
    """What is asked for before the account has answered: as much as one answer takes time."""
    lists = [
        listings.whole_list(stream)
        for stream in sorted(streams, key=lambda stream: stream.vanishing is None)
        if stream.parent is None and stream.changes != "created" and stream is not ACCOUNT
    ]
    return lists[: WORKERS - 1]


def _plan(
    connection: Connection, outcome: Outcome, options: Options, *, has_filter: bool
) -> Course:
    """The lists, then what slipped through between their pages, then what vanished."""
    run, streams, course = outcome.run, options.streams, Course()
    watermarks = runs.watermarks(connection, run) if options.mode == "incremental" else {}
    Lists(connection, outcome, options.mode, has_filter).add_to(course, streams)
    marks = [watermarks[stream.name] for stream in streams if stream.name in watermarks]
    since = min([run.as_of, *(mark - listings.OVERLAP_SECONDS for mark in marks)])
    Recheck(connection, run, since).add_to(course, streams)
    Sweep(connection, outcome, has_filter, options.max_delete_percent).add_to(
        course, streams, watermarks
    )
    return course


def _ask_account(client: Client, stop: threading.Event) -> tuple[Answer, int, bool]:
    """The account page, the id in it, and whether the paid filters work.

    It is the proof that URL and token are right.
    """
    hint = "check AMO_BASE_URL: it is the address of your account, https://mycompany.amocrm.ru"
    try:
        answer = client.get(ACCOUNT.path, dict(ACCOUNT.parameters))
    except TemporaryError as exc:
        if stop.is_set():
            raise
        raise ConnectError("cannot reach amoCRM", detail=exc.detail, hint=hint) from exc
    except TooHeavy as exc:
        raise ConnectError("cannot reach amoCRM", detail=str(exc), hint=hint) from exc
    except Unavailable as exc:
        raise ConnectError(
            "this address gives no account", detail=str(exc), hint=f"{hint}; is it paid?"
        ) from exc
    try:
        account = json.loads(answer.body or b"")
        return answer, int(account["id"]), account.get("is_api_filter_enabled") is True
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as exc:
        start = " ".join((answer.body or b"")[:120].decode("utf-8", "replace").split())
        raise ConnectError(
            "this address does not answer as amoCRM does",
            detail=f"GET /api/v4/account gave: {start or 'nothing'}",
            hint=hint,
        ) from exc


def _declare_streams(connection: Connection) -> None:
    """Tell the transforms what the streams are; an unchanged table is not written."""
    rows = [
        {
            "name": stream.name,
            "entity": stream.entity,
            "entity_type": stream.entity_type,
            "path": stream.path,
            "embedded_key": stream.key,
            "id_key": stream.id_key,
            "has_numeric_id": stream.has_numeric_id,
            "vanishing_events": stream.vanishing and list(stream.vanishing.events),
            "vanishing_id": stream.vanishing and stream.vanishing.id_path,
            "position": position,
        }
        for position, stream in enumerate(STREAMS, start=1)
    ]
    # Rows are compared as text: jsonpath has no equality.
    connection.execute(
        "MERGE INTO ops.streams AS known"
        " USING jsonb_populate_recordset(NULL::ops.streams, %s) AS declared"
        " ON known.name = declared.name"
        " WHEN MATCHED AND known::text = declared::text THEN DO NOTHING"
        " WHEN MATCHED THEN UPDATE SET entity = declared.entity,"
        " entity_type = declared.entity_type, path = declared.path,"
        " embedded_key = declared.embedded_key, id_key = declared.id_key,"
        " has_numeric_id = declared.has_numeric_id,"
        " vanishing_events = declared.vanishing_events,"
        " vanishing_id = declared.vanishing_id, position = declared.position"
        " WHEN NOT MATCHED THEN INSERT VALUES (declared.name, declared.entity,"
        " declared.entity_type, declared.path, declared.embedded_key, declared.id_key,"
        " declared.has_numeric_id, declared.vanishing_events, declared.vanishing_id,"
        " declared.position)",
        (json.dumps(rows),),
    )


def _stage_account(connection: Connection, outcome: Outcome, answer: Answer) -> None:
    run = outcome.run
    place = Place.of(run.id, ACCOUNT.name, dict(ACCOUNT.parameters), 1)
    try:
        stage(connection, place, ACCOUNT, answer)
    except NotAPage as exc:
        raise ConnectError("the account page cannot be staged", detail=str(exc)) from exc
    ended = Ended("complete", "", answer.http_seconds, is_whole=True, moves_watermark=True)
    runs.end_stream(connection, run, ACCOUNT.name, ended)
    outcome.complete[ACCOUNT.name] = ended


def _close(connection: Connection, outcome: Outcome, *, stopped: bool) -> None:
    """Write the verdict; raises PartialError or TemporaryError when streams failed."""
    run = outcome.run
    if stopped:
        runs.finish(connection, run.id, "interrupted", None, "stopped by a signal")
        return
    if not outcome.failed:
        guard = outcome.guard
        if guard:
            runs.finish(connection, run.id, "partial", guard.exit_code, guard.what)
            raise guard
        runs.finish(connection, run.id, "ok", 0, "")
        return
    detail = "\n".join(f"{name}: {exc.what}: {exc.detail}" for name, exc in outcome.failed.items())
    if outcome.guard:
        detail += f"\n{outcome.guard.what}"
    names = ", ".join(outcome.failed)
    others = set(outcome.complete) - {ACCOUNT.name}
    error: AmoError
    if others:
        error = PartialError(
            f"{len(outcome.failed)} of {len(outcome.failed) + len(others)} streams failed: {names}",
            detail=detail,
            hint="the others are complete and committed. To read the missing ones: bin/load "
            + " ".join(f"--stream {name}" for name in outcome.failed),
        )
    else:
        error = TemporaryError(
            f"no stream could be read: {names}",
            detail=detail,
            hint="what was there before is untouched; run the same command again later",
        )
    status = "partial" if others else "failed"
    runs.finish(connection, run.id, status, error.exit_code, error.what)
    raise error
