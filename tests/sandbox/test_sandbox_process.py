"""The program: it starts, says where, serves many, binds loopback only, stops cleanly."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.caller import Caller, caller
from sandbox.process import SandboxError, start

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_stops_it_cleanly(number: signal.Signals) -> None:
    """One line comes on stdout, and a signal ends the program with status 0."""
    command = [sys.executable, "-m", "sandbox", "--companies", "5"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          env=environment) as child:  # fmt: skip
        assert child.stdout is not None
        ready = json.loads(child.stdout.readline())
        child.send_signal(number)
        rest = child.stdout.read()

    assert ready["url"].startswith("http://127.0.0.1:")
    assert ready["entities"]["contacts"] == 20
    assert (rest, child.returncode) == (b"", 0)


def test_only_loopback_is_bound() -> None:
    """Any other address is refused before anything starts."""
    with pytest.raises(SandboxError, match="loopback"), start("--host", "192.0.2.1"):
        pass


def test_flags_set_the_account() -> None:
    """Flags of settings, of faults and of identity reach the server."""
    flags = ("--no-admin", "--account-id", "77", "--token", "t", "--seed", "5",
             "--fault", '{"kind": "http_500", "path": "*/leads", "times": 1}')  # fmt: skip
    with start("--companies", "5", *flags) as sandbox:
        api = caller(sandbox)
        statuses = [api.get(path).status_code for path in ("users", "leads", "leads")]
        shown = api.get("account").json()["id"]
        api.session.close()

    assert (sandbox.token, sandbox.account_id, shown) == ("t", 77, 77)
    assert statuses == [403, 500, 200]


def test_an_empty_account_is_served() -> None:
    """With no entities at all every main list is a 204."""
    with start("--companies", "0") as sandbox:
        api = caller(sandbox)
        statuses = {api.get(name).status_code for name in ("leads", "contacts", "tasks", "events")}
        api.session.close()

    assert statuses == {204}


def test_many_requests_are_served(api: Caller) -> None:
    """Hundreds of pages in a row are all whole."""
    pages = [api.items(f"contacts?limit=10&page={1 + n % 24}") for n in range(400)]

    assert all(len(page) == 10 for page in pages)
    assert api.sandbox.stats()["by_status"]["200"] >= 400


def test_entities_of_the_ready_line_are_the_truth(api: Caller) -> None:
    """The counts at the start are those of the lists."""
    assert len(api.sandbox.truth("leads")) == api.sandbox.entities["leads"] == 240


def test_date_header_is_the_accounts_time(api: Caller) -> None:
    """The `Date` header agrees with the dates of the data, so that clients see one world."""
    assert "2025" in api.get("account").headers["Date"]
