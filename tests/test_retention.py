"""Retention: what is old goes, what something still refers to stays."""

from __future__ import annotations

import threading
from typing import LiteralString

from loader import epochs
from loader.db import Connection, scalar
from tests.support.commands import Commands
from tests.support.waiting import reconnect, until

BACKDATE = (
    "UPDATE ops.runs SET started_at = started_at - interval '%s days',"
    " finished_at = finished_at - interval '%s days' WHERE id <= %s"
)


def age(connection: Connection, days: int) -> int:
    """Make all runs so far older; returns the newest of them."""
    newest = int(scalar(connection, "SELECT max(id) FROM ops.runs"))
    connection.execute((BACKDATE % (days, days, newest)).encode())
    return newest


def counts(connection: Connection, upto: int) -> dict[str, int]:
    """Rows of the ledgers that belong to runs up to a number."""
    return {
        table: int(scalar(connection, f"SELECT count(*) FROM ops.{table} WHERE {key} <= {upto}"))
        for table, key in (
            ("runs", "id"), ("pages", "run_id"), ("transforms", "run_id"),
            ("counters", "run_id"), ("run_requests", "run_id"), ("rejects", "run_id"),
        )
    }  # fmt: skip


def test_the_ledger_of_pages_goes_first(first_night: Commands, connection: Connection) -> None:
    """After 60 days pages, nothing else; staging after each night."""
    old = age(connection, 61)
    before = counts(connection, old)

    first_night.ok("refresh")

    after = counts(connection, old)
    assert before["pages"] > 20
    assert after == before | {"pages": 0}
    assert scalar(connection, "SELECT count(*) FROM ops.pages") > 20


def test_runs_go_later(first_night: Commands, connection: Connection) -> None:
    """After 400 days runs with their metrics, but for the rejects that still stand."""
    age(connection, 10)
    first_night.ok("refresh")
    age(connection, 395)
    first_night.ok("refresh")
    old = age(connection, 6)
    rejects = connection.execute("SELECT stream, entity_id, path FROM ops.rejects").fetchall()

    first_night.ok("refresh")

    kept = connection.execute(
        "SELECT kind FROM ops.runs WHERE id <= %s AND started_at < now() - interval '400 days'",
        (old,),
    ).fetchall()
    assert {kind for (kind,) in kept} <= {"transform"}
    # Of four nights the last two.
    assert scalar(connection, "SELECT count(*) FROM ops.runs WHERE kind = 'load'") == 2
    assert connection.execute("SELECT stream, entity_id, path FROM ops.rejects").fetchall() == (
        rejects
    )


def test_the_last_success_is_kept_however_old(
    first_night: Commands, connection: Connection
) -> None:
    """Nothing ran for two years: what the next transform compares with is still there."""
    old = age(connection, 800)
    before = counts(connection, old)

    assert scalar(connection, "SELECT ops.forget_runs('400 days')") == 0
    assert counts(connection, old) == before

    summary = first_night.ok("transform", "--json").json
    assert (summary["inserted"], summary["updated"], summary["deleted"]) == (0, 0, 0)


def test_what_waits_is_kept(own_commands: Commands, connection: Connection) -> None:
    """A load without its transform keeps its ledger and its row; an abandoned one does not."""
    own_commands.ok("load")
    load = age(connection, 800)
    forget = "SELECT ops.forget_pages('60 days'), ops.forget_runs('400 days')"

    assert connection.execute(forget).fetchone() == (0, 0)

    own_commands.ok("load", "--stream", "users")
    connection.execute("UPDATE ops.runs SET status = 'abandoned' WHERE id = %s", (load,))
    pages, runs = connection.execute(forget).fetchone() or (0, 0)
    assert pages > 20
    # The last complete one of most streams.
    assert runs == 0


def test_history_keeps_its_beginning(first_night: Commands, connection: Connection) -> None:
    """Since when versions are complete is known after their runs have grown old."""
    first_night.ok("transform", "--history")
    reach = "SELECT first_moment, unwatched_at FROM amo.history_reach()"
    before = connection.execute(reach).fetchone()
    for _ in range(3):
        age(connection, 300)
        first_night.ok("refresh", AMO_HISTORY="on")

    assert connection.execute(reach).fetchone() == before
    assert scalar(connection, "SELECT count(*) FROM ops.history_runs") == 3


def test_a_load_that_begins_meanwhile_keeps_its_pages(dsn: str, connection: Connection) -> None:
    """Nothing waited when it was looked; then a page of another account lands before TRUNCATE."""
    blocked: LiteralString = (
        "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'staging.pages'::regclass"
    )
    page = "INSERT INTO staging.pages (run_id, stream, page_no, params, body)"
    with reconnect(dsn) as cleaner, reconnect(dsn) as load:

        def clean() -> None:
            with cleaner.transaction():
                epochs.drop_spent_pages(cleaner)

        thread = threading.Thread(target=clean)
        with load.transaction():
            load.execute(page.encode() + b" VALUES (1, 'leads', 1, '{}', '{}')")
            thread.start()
            until(lambda: scalar(connection, blocked) == 1)
            connection.execute("INSERT INTO ops.runs (kind, mode) VALUES ('load', 'full')")
        thread.join()

    assert scalar(connection, "SELECT count(*) FROM staging.pages") == 1
