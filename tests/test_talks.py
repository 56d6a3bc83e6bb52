"""bin/load --stream talks: there is no list of them, events name them."""

from __future__ import annotations

import time

import pytest

from loader.db import Connection, scalar
from sandbox.process import Sandbox
from tests.support.commands import Commands

TALKS = ("load", "--stream", "talks")


def assert_equal_to(account: Sandbox, connection: Connection) -> None:
    rows = connection.execute(
        "SELECT talk_id, extract(epoch FROM updated_at)::bigint FROM amo.talks"
        " WHERE deleted_at IS NULL"
    ).fetchall()
    assert sorted(rows) == sorted(account.truth("talks"))


def asked_for(account: Sandbox) -> dict[str, int]:
    """How often each talk was asked for, by its id."""
    paths = account.stats()["by_path"].items()
    root = "/api/v4/talks/"
    return {path.removeprefix(root): n for path, n in paths if path.startswith(root)}


@pytest.fixture
def after_a_night(own_commands: Commands, own_account: Sandbox) -> Commands:
    """All talks are in the database; a night later."""
    own_commands.ok(*TALKS)
    own_commands.ok("transform")
    own_account.control("clock", {"advance": 8 * 3600})
    own_account.control("reset-stats", {})
    return own_commands


def test_one_request_each(
    after_a_night: Commands, own_account: Sandbox, connection: Connection
) -> None:
    """All that the history names, and once only; again, nobody is asked and nothing written."""
    assert_equal_to(own_account, connection)
    talks = len(own_account.truth("talks"))
    assert scalar(connection, "SELECT sum(requests) FROM ops.pages WHERE stream = 'talks'") == talks
    kinds = connection.execute("SELECT DISTINCT entity_type FROM amo.talks").fetchall()
    assert set(kinds) == {("leads",), (None,)}

    after_a_night.ok(*TALKS)
    summary = after_a_night.ok("transform", "--json").json

    assert asked_for(own_account) == {}
    assert (summary["inserted"], summary["updated"], summary["deleted"]) == (0, 0, 0)


@pytest.mark.parametrize("mode", ["full", "incremental"])
def test_a_day_of_chats(
    after_a_night: Commands, own_account: Sandbox, connection: Connection, mode: str
) -> None:
    """What something happened to is asked for; gone is what amoCRM does not find."""
    done = own_account.control(
        "mutate", {"update": {"talks": 3}, "insert": {"talks": 2}, "delete": {"talks": 1}}
    )

    after_a_night.ok(*TALKS, "--mode", mode)
    asked = asked_for(own_account)
    after_a_night.ok("transform")

    assert_equal_to(own_account, connection)
    touched = {str(talk) for verb in done.values() for talk in verb["talks"]}
    assert set(asked) == touched
    (gone,) = done["delete"]["talks"]
    # Looked for, and asked for twice more before it is believed.
    assert asked.pop(str(gone)) == 3
    assert set(asked.values()) <= {1}
    marked = connection.execute("SELECT talk_id FROM amo.talks WHERE deleted_at IS NOT NULL")
    assert marked.fetchall() == [(gone,)]


def test_many_gone_at_once(
    after_a_night: Commands, own_account: Sandbox, connection: Connection
) -> None:
    """The delete guard holds for talks as well."""
    own_account.control("mutate", {"delete": {"talks": 9}})

    result = after_a_night.run(*TALKS)
    after_a_night.ok("transform")

    assert result.code == 22
    assert "9 of 35 talks are missing" in result.err
    assert scalar(connection, "SELECT count(*) FROM amo.talks WHERE deleted_at IS NOT NULL") == 0


@pytest.mark.parametrize("is_transformed", [True, False])
def test_events_came_before(
    own_commands: Commands, own_account: Sandbox, connection: Connection, is_transformed: bool
) -> None:
    """Nights without talks moved the watermark of events: what those named is not forgotten."""
    own_commands.ok("load")
    if is_transformed:
        own_commands.ok("transform")
    own_account.control("clock", {"advance": 8 * 3600})

    own_commands.ok(*TALKS)
    own_commands.ok("transform")

    assert_equal_to(own_account, connection)


def test_talks_failed_after_the_events(
    own_commands: Commands, own_account: Sandbox, connection: Connection
) -> None:
    """The command of the hint reads them, although the events are complete."""
    own_account.control("faults", {"fault": {"kind": "html_200", "path": "*/talks/*", "skip": 9}})
    failed = own_commands.run(*TALKS)
    own_commands.ok("transform")
    own_account.control("faults", {"clear": True})
    own_account.control("clock", {"advance": 8 * 3600})

    own_commands.ok(*TALKS)
    own_commands.ok("transform")

    assert failed.code == 20
    assert "bin/load --stream talks" in failed.err
    assert_equal_to(own_account, connection)


def test_killed_in_the_middle(
    own_commands: Commands, own_account: Sandbox, connection: Connection
) -> None:
    """The next load asks for the talks that are missing, and for no other."""
    own_account.control("faults", {"fault": {"kind": "slow", "path": "*/talks/*", "seconds": 0.5}})
    load = own_commands.start(*TALKS)
    staged = "SELECT count(*) FROM ops.pages WHERE stream = 'talks'"
    deadline = time.monotonic() + 30
    while not scalar(connection, staged):
        assert time.monotonic() < deadline, "the load does not get on"
        time.sleep(0.02)
    load.kill()
    load.communicate()
    time.sleep(0.5)  # the killed client's backends notice within client_connection_check_interval
    before = int(str(scalar(connection, staged)))
    own_account.control("faults", {"clear": True})
    own_account.control("reset-stats", {})

    own_commands.ok(*TALKS)
    own_commands.ok("transform")

    assert before < len(own_account.truth("talks"))
    assert len(asked_for(own_account)) == len(own_account.truth("talks")) - before
    assert_equal_to(own_account, connection)


def test_no_right_to_talks(
    own_commands: Commands, own_account: Sandbox, connection: Connection
) -> None:
    """The rights to a talk are those to its contact: one that is refused is told of, once."""
    own_account.control("settings", {"denied": "talks"})

    result = own_commands.ok(*TALKS)

    assert result.err.count("skipped") == 1
    ended = connection.execute("SELECT status, message FROM ops.run_streams WHERE stream = 'talks'")
    assert ended.fetchall() == [("complete", "35 of its lists skipped")]
