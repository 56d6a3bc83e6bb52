"""Progress on a real terminal: what it shows, what it leaves behind, and where it keeps quiet."""

from __future__ import annotations

import re
import signal

import pytest

from loader import progress, runs
from loader.db import Connection, scalar
from sandbox.process import Sandbox
from tests.support.commands import Commands
from tests.support.terminals import COLOUR, Terminal

STREAMS = ("leads", "contacts", "companies", "tasks", "leads_notes")
SOME = [word for name in STREAMS for word in ("--stream", name)]
ETA = r"\d:\d\d:\d\d"


def test_load_at_the_real_pace(first_night: Commands) -> None:
    """Pages of known pages, rate and ETA by stream and in total; the summary is all that stays."""
    with Terminal(first_night, "load", *SOME, AMO_RATE="7") as terminal:
        terminal.wait_for(rf"^leads +\S* +[1-4] of 5 +\d\.\d/s +{ETA}$")
        found = terminal.wait_for(
            rf"^total: (\d+) of (\d+) pages, \d\.\d of 7 requests/s,"
            rf" \d of \d+ streams, ETA {ETA}$"
        )
        assert 0 < int(found[1]) < int(found[2])
        assert terminal.end() == 0

    assert any(re.search(r"^tasks .* complete$", one, re.MULTILINE) for one in terminal.screens)
    assert COLOUR.search(terminal.raw)
    lines = terminal.screen.splitlines()
    assert lines[0].split() == [
        "stream", "pages", "rows", "MB", "reqs", "wait", "http", "copy",
    ]  # fmt: skip
    assert lines[-1].startswith("CPU ")
    assert not re.search("ETA|━|streams,", terminal.screen)
    assert terminal.scrolled == []
    assert terminal.has_cursor


def test_first_load(own_commands: Commands, own_account: Sandbox) -> None:
    """Nothing is known of it but what came; it never takes more than the screen has."""
    own_account.control("settings", {"latency": "0.3"})
    with Terminal(own_commands, "load") as terminal:
        terminal.wait_for(r"^leads +[1-9]\d* +\d+\.\d/s$")
        terminal.wait_for(r"^total: \d+ pages, .* of \d\d streams, 0:00:\d\d$")
        drawn = terminal.screens.copy()
        assert terminal.scrolled == []
        assert terminal.end() == 0

    assert max(len(screen.splitlines()) for screen in drawn) > 20


def test_no_colour(first_night: Commands, own_account: Sandbox) -> None:
    """NO_COLOR is honoured."""
    own_account.control("settings", {"latency": "0.2"})
    with Terminal(first_night, "load", *SOME, NO_COLOR="1") as terminal:
        terminal.wait_for(r"^leads +\S* +\d of 5 ")
        assert terminal.end() == 0

    assert not COLOUR.search(terminal.raw)


def test_dumb_terminal(commands: Commands) -> None:
    """One that cannot move its cursor gets the summary only."""
    with Terminal(commands, "load", "--stream", "users", TERM="dumb") as terminal:
        assert terminal.end() == 0

    assert b"\x1b" not in terminal.raw
    assert terminal.screen.startswith("stream ")


def test_log_lines_stay_whole(first_night: Commands, own_account: Sandbox) -> None:
    """They stand above what is drawn."""
    own_account.control("settings", {"latency": "0.2"})
    fault = {"kind": "http_500", "path": "/api/v4/leads", "times": 1}
    own_account.control("faults", {"faults": [fault]})
    with Terminal(first_night, "load", "-vv", *SOME, columns=1000) as terminal:
        terminal.wait_for(r"^total: ")
        assert terminal.end() == 0

    said = [*terminal.scrolled, *terminal.screen.splitlines()]
    begin = said.index(next(line for line in said if line.startswith("stream  ")))
    log = said[:begin]
    assert any("INFO amo.load: contacts complete: " in line for line in log)
    starts = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (DEBUG|INFO) "
    assert [line for line in log if not re.match(starts, line)] == []


def test_json_draws_nothing(commands: Commands) -> None:
    """Whoever wants lines for a machine gets no others."""
    with Terminal(commands, "load", "--stream", "users", "--log-format", "json") as terminal:
        assert terminal.end() == 0

    assert b"\x1b" not in terminal.raw
    assert all(line.startswith(b"{") for line in terminal.raw.splitlines())


def test_interrupted(first_night: Commands, own_account: Sandbox) -> None:
    """What is left says why, and the cursor is there."""
    own_account.control("settings", {"latency": "0.5"})
    with Terminal(first_night, "load", *SOME) as terminal:
        terminal.wait_for(r"^total: [1-9]")
        terminal.process.send_signal(signal.SIGINT)
        assert terminal.end() == 130

    assert terminal.screen.startswith("ERROR [130]: ")
    assert terminal.has_cursor


def test_transform(staged: Commands) -> None:
    """The file that runs and how many are done."""
    with Terminal(staged, "transform", "--rebuild") as terminal:
        terminal.wait_for(rf"\d+ of \d\d files +{ETA} +\d_\w+/\w+$")
        assert terminal.end() == 0

    assert terminal.screen.startswith("file ")
    assert "files" not in terminal.screen


@pytest.mark.usefixtures("first_night")
def test_what_is_known(connection: Connection) -> None:
    """The pages of the last complete load of its kind, without what this one has done already."""
    last = scalar(connection, "SELECT max(id) FROM ops.runs WHERE kind = 'load'")
    account_id, streams = connection.execute(
        "SELECT account_id, streams FROM ops.runs WHERE id = %s", (last,)
    ).fetchall()[0]
    pages: dict[str, int] = dict(
        connection.execute(
            "SELECT stream, pages FROM ops.load_summary WHERE run_id = %s AND status = 'complete'",
            (last,),
        ).fetchall()
    )
    kind = {"account_id": account_id, "base_url": "", "streams": streams, "resume": False}

    run = runs.begin(connection, mode="full", **kind)
    known = progress.known_pages(connection, run.id)
    runs.end_stream(connection, run, "leads", runs.Ended("complete", "", 1.0))
    then = progress.known_pages(connection, run.id)
    other = runs.begin(connection, mode="incremental", **kind)

    assert {name: count for name, count in known.items() if name in pages} == pages
    assert {"leads": pages["leads"]} == dict(known.items() - then.items())
    assert progress.known_pages(connection, other.id) == {}
