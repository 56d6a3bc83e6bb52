"""bin/load --mode incremental: what changed since the watermark, for few requests."""

from __future__ import annotations

import pytest

from loader.db import Connection, scalar
from sandbox.process import Sandbox
from tests.support.commands import Commands
from tests.support.servers import Server
from tests.support.truth import assert_equal_to
from tests.support.waiting import reconnect, wait_for_pages

MORNING = {
    "update": {"leads": 6, "contacts": 5, "companies": 2, "customers": 2, "tasks": 3},
    "insert": {"leads": 2, "contacts": 2, "tasks": 2, "leads/notes": 3},
    "delete": {"leads": 3, "contacts": 1, "companies": 1, "customers": 1, "tasks": 2,
               "leads/notes": 2},
}  # fmt: skip


@pytest.fixture
def after_a_night(own_commands: Commands, own_account: Sandbox) -> Commands:
    """A full load and transform, then a morning of changes."""
    own_commands.ok("load")
    own_commands.ok("transform")
    own_account.control("clock", {"advance": 8 * 3600})
    own_account.control("mutate", MORNING)
    own_account.control("clock", {"advance": 60})
    own_account.control("reset-stats", {})
    return own_commands


@pytest.mark.parametrize("has_filter", [True, False])
def test_a_morning(
    after_a_night: Commands, own_account: Sandbox, connection: Connection, has_filter: bool
) -> None:
    """Changed, new and deleted ones, for tens of requests, with the paid filter or without."""
    own_account.control("settings", {"filter_package": has_filter})

    summary = after_a_night.ok("load", "--mode", "incremental", "--json").json
    asked = own_account.stats()["by_path"]
    after_a_night.ok("transform")

    assert_equal_to(own_account, connection)
    rows = {stream["stream"]: stream["rows"] for stream in summary["streams"]}
    if has_filter:
        # Of 1200 leads; 8 changed, and what lies within the overlap.
        assert rows["leads"] < 30
    # The lists, the trash, and one question by id for each that vanished without the filter.
    of_leads = {path: n for path, n in asked.items() if path.startswith("/api/v4/leads")}
    assert of_leads["/api/v4/leads"] <= 5
    assert sum(asked.values()) < 90


def test_restored_in_the_morning(
    after_a_night: Commands, own_account: Sandbox, connection: Connection
) -> None:
    """What comes back from the trash is alive again."""
    after_a_night.ok("load", "--mode", "incremental")
    after_a_night.ok("transform")
    own_account.control("mutate", {"restore": {"leads": 2, "contacts": 1}})

    after_a_night.ok("load", "--mode", "incremental")
    after_a_night.ok("transform")

    assert_equal_to(own_account, connection)


def test_nothing_new(after_a_night: Commands, own_account: Sandbox, connection: Connection) -> None:
    """A second time within the overlap brings the same again, and changes nothing."""
    after_a_night.ok("load", "--mode", "incremental")
    after_a_night.ok("transform")

    after_a_night.ok("load", "--mode", "incremental")
    summary = after_a_night.ok("transform", "--json").json

    assert (summary["inserted"], summary["updated"], summary["deleted"]) == (0, 0, 0)
    assert_equal_to(own_account, connection)


def test_a_filter_that_is_ignored(
    after_a_night: Commands, own_account: Sandbox, connection: Connection
) -> None:
    """The account says that it has the paid filter, and the answers are not filtered."""
    own_account.control("schedule", {"after_requests": 1, "settings": {"filter_package": False}})

    after_a_night.ok("load", "--mode", "incremental")
    asked = own_account.stats()["by_path"]["/api/v4/leads"]
    after_a_night.ok("transform")

    assert_equal_to(own_account, connection)
    assert asked < 10


def test_without_a_watermark_all_is_read(
    own_commands: Commands, own_account: Sandbox, connection: Connection
) -> None:
    """The first load may be an incremental one."""
    own_commands.ok("load", "--mode", "incremental")
    own_commands.ok("transform")

    assert_equal_to(own_account, connection)
    marks = scalar(connection, "SELECT count(*) FROM ops.watermarks")
    assert marks == scalar(connection, "SELECT count(*) FROM ops.run_streams")


def test_the_watermark_waits_for_the_last_page(
    after_a_night: Commands, own_account: Sandbox, connection: Connection
) -> None:
    """Killed in the middle: not moved where pages are missing; the next one gets all of it."""
    before = watermarks(connection)
    own_account.control("settings", {"latency": "0.2:0.4"})
    load = after_a_night.start("load", "--mode", "incremental")
    wait_for_pages(connection, int(str(scalar(connection, "SELECT count(*) FROM ops.pages"))) + 8)
    load.kill()
    load.communicate()
    rows = connection.execute(
        "SELECT stream FROM ops.run_streams WHERE run_id = (SELECT max(id) FROM ops.runs)"
    )
    ended = {name for (name,) in rows}
    moved = {name for name, mark in watermarks(connection).items() if mark != before[name]}
    own_account.control("settings", {"latency": "0:0"})

    after_a_night.ok("load", "--mode", "incremental")
    after_a_night.ok("transform")

    assert moved == ended
    assert len(moved) < len(before)
    assert_equal_to(own_account, connection)


def test_a_crash_takes_the_watermark_back(
    server: Server, after_a_night: Commands, own_account: Sandbox, dsn: str
) -> None:
    """Staging is lost before the transform: the same changes are asked for again."""
    if server.kill is None:
        pytest.skip("AMO_TEST_DSN: its processes are not ours to kill")
    with reconnect(dsn) as connection:
        before = watermarks(connection)
    after_a_night.ok("load", "--mode", "incremental")
    with reconnect(dsn) as victim:
        server.kill(victim.info.backend_pid)
    with reconnect(dsn) as connection:
        assert after_a_night.run("transform").code == 75
        assert watermarks(connection) == before
        connection.execute("UPDATE ops.runs SET started_at = started_at - interval '1 day'")

        after_a_night.ok("load", "--mode", "incremental")
        after_a_night.ok("transform")

        assert_equal_to(own_account, connection)


def test_changes_between_the_pages(
    after_a_night: Commands, own_account: Sandbox, connection: Connection
) -> None:
    """What changes while changes are read comes now or the next time."""
    for step in range(5):
        own_account.control(
            "schedule",
            {
                "after_requests": 4 + 4 * step,
                "mutate": {"update": {"leads": 200, "contacts": 200}, "delete": {"leads": 2}},
            },
        )

    for _ in range(2):
        after_a_night.ok("load", "--mode", "incremental")
        after_a_night.ok("transform")

    assert_equal_to(own_account, connection)


def watermarks(connection: Connection) -> dict[str, object]:
    return dict(connection.execute("SELECT stream, watermark FROM ops.watermarks").fetchall())
