"""Logs for a machine: one object a line, nothing lost, and nothing when all is well."""

from __future__ import annotations

import json
import logging
import re
import signal
from pathlib import Path
from typing import Any

import pytest

from loader.cli import logs
from loader.db import Connection
from sandbox.process import Sandbox
from tests.support.commands import Commands
from tests.support.waiting import start_slow_load, wait_for_pages

JSON = ("--log-format", "json")
SOME = ("--stream", "users", "--stream", "leads")


def objects(text: str) -> list[dict[str, Any]]:
    """Every line must be one."""
    return [json.loads(line) for line in text.splitlines()]


def test_a_load(commands: Commands, connection: Connection) -> None:
    """It begins, its streams end with their figures, it ends."""
    said = objects(commands.ok("load", "-v", *JSON, *SOME).err)

    for one in said:
        assert list(one)[:4] == ["timestamp", "level", "logger", "message"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", one["timestamp"])
        assert one["level"] == "INFO"
    begun, *_, ended, summary = said
    kept = connection.execute("SELECT id, account_id, status FROM ops.runs").fetchall()
    assert kept == [(begun["run_id"], begun["account_id"], ended["status"])]
    streams = {one["stream"]: one for one in said if "stream" in one}
    rows = connection.execute(
        "SELECT stream, status, pages, rows FROM ops.load_summary"
        " WHERE status = 'complete' AND stream <> 'account'"
    ).fetchall()
    assert sorted(rows) == [
        (name, one["status"], one["pages"], one["rows"])
        for name in ("leads", "users")
        if (one := streams[name])
    ]
    assert all(one["run_id"] == begun["run_id"] for one in said[:-1])
    assert "users" in summary["message"]


def test_a_transform(loaded: Commands) -> None:
    """The same of it, with the files for debugging."""
    said = objects(loaded.ok("transform", "-vv", *JSON).err)

    assert any(re.match(r"transform \d+ ended: ok", one["message"]) for one in said)
    assert any(one["message"].startswith("transforms/3_merge/leads: ") for one in said)


def test_silent_when_all_is_well(commands: Commands) -> None:
    """As in the other format; with a warning only that one is said."""
    assert commands.ok("load", *JSON, *SOME).err == ""
    assert commands.ok("transform", AMO_LOG_FORMAT="json").err == ""


def test_a_failed_stream(own_commands: Commands, own_account: Sandbox) -> None:
    """The line about it names the stream; the end is an object as well."""
    own_account.control("faults", {"fault": {"kind": "html_200", "path": "/api/v4/leads"}})

    failed = own_commands.run("load", "-v", *JSON, *SOME)

    *said, error = objects(failed.err)
    line = next(one for one in said if one["message"].startswith("leads failed: "))
    assert (line["level"], line["stream"]) == ("INFO", "leads")
    assert failed.code == error["code"] == 20
    assert error["level"] == "ERROR"
    assert error["message"] == error["what"] == "1 of 2 streams failed: leads"
    assert error["detail"].startswith("leads: ")
    assert "--stream leads" in error["hint"]


@pytest.mark.parametrize("arguments", [("--nonsense",), ("--mode", "other"), ("surplus",)])
def test_a_wrong_call(commands: Commands, arguments: tuple[str, ...]) -> None:
    """Also where the call could not even be read; the flag may stand anywhere."""
    for words in ((*JSON, *arguments), (*arguments, "--log-format=json")):
        refused = commands.run("load", *words)
        (error,) = objects(refused.err)
        assert refused.code == error["code"] == 2
        assert error["hint"] == "bin/load --help"
    assert commands.run("load", *arguments).err.startswith("ERROR [2]: ")


def test_where_the_format_comes_from(commands: Commands, tmp_path: Path) -> None:
    """Flag before environment before file; nothing but text and json."""
    file = tmp_path / "amo.toml"
    file.write_text('log_format = "json"\n')
    wrong = ("transform", "no-such-table")

    from_file = commands.run(*wrong, AMO_CONFIG=str(file))
    from_environment = commands.run(*wrong, AMO_CONFIG=str(file), AMO_LOG_FORMAT="text")
    from_flag = commands.run(*wrong, *JSON, AMO_CONFIG=str(file), AMO_LOG_FORMAT="text")
    shown = commands.ok("load", "--show-config", *JSON, AMO_CONFIG=str(file)).out

    assert objects(from_file.err)[0]["code"] == objects(from_flag.err)[0]["code"] == 2
    assert from_environment.err.startswith("ERROR [2]: ")
    assert re.search(r"^log_format +json +--log-format$", shown, re.MULTILINE)
    for bad in (
        commands.run("load", "--log-format", "xml"),
        commands.run("load", AMO_LOG_FORMAT="XML"),
    ):
        assert bad.code == 2
        assert bad.err.startswith("ERROR [2]: ")
    assert "DETAIL: 'XML' from AMO_LOG_FORMAT" in bad.err


def test_first_pages(commands: Commands, connection: Connection) -> None:
    """So many of them and no more, each as the ledger has it."""
    said = objects(commands.ok("load", *JSON, "--debug-pages", "5").err)

    assert len(said) == 5
    for page in said:
        assert (page["level"], page["logger"]) == ("DEBUG", "amo.page")
        assert connection.execute(
            "SELECT run_id, bytes, encode(sha256, 'hex'), round(wait_ms), round(http_ms)"
            " FROM ops.pages WHERE stream = %s AND page_no = %s AND encode(sha256, 'hex') = %s",
            (page["stream"], page["page_no"], page["sha256"]),
        ).fetchone() == tuple(page[name] for name in ("run_id", "bytes", "sha256", "wait_ms",
                                                      "http_ms"))  # fmt: skip
        assert page["status"] == 200
        assert re.fullmatch(r"[a-z\d/_]+(\?\S+=\S*)?", page["path"])
        assert page["copy_ms"] >= 0
    assert commands.ok("load", "--quiet", "--debug-pages", "5").err == ""
    text = commands.ok("load", "--debug-pages", "1").err
    assert re.search(r" DEBUG amo\.page: \S+: 200, \d+ bytes, sha256 [0-9a-f]{64}, wait ", text)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_nothing_is_lost_by_a_signal(
    own_commands: Commands, own_account: Sandbox, connection: Connection, number: signal.Signals
) -> None:
    """Every page that the ledger has stands in the log, and the end as well."""
    more = ("-v", *JSON, "--debug-pages", "100000")
    load = start_slow_load(own_commands, own_account, *more)
    wait_for_pages(connection, 20)
    load.send_signal(number)
    _, err = load.communicate(timeout=60)

    said = objects(err)
    assert said[-1]["code"] == load.returncode == 128 + number
    logged = [(one["stream"], one["page_no"]) for one in said if one["logger"] == "amo.page"]
    kept = connection.execute("SELECT stream, page_no FROM ops.pages WHERE stream <> 'account'")
    assert sorted(logged) == sorted(kept.fetchall())
    assert said[-2]["status"] == "interrupted"


def test_batches() -> None:
    """A hundred lines, or a warning, or the clock."""
    seen: list[logging.LogRecord] = []

    class Target(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append(record)

    batches = logs.Batches(Target())
    info = logging.makeLogRecord({"levelno": logging.INFO, "msg": "one"})

    for _ in range(logs.BATCH - 1):
        batches.handle(info)
    assert seen == []
    batches.handle(info)
    assert len(seen) == logs.BATCH
    batches.handle(info)
    batches.handle(logging.makeLogRecord({"levelno": logging.WARNING}))
    assert len(seen) == logs.BATCH + 2
    batches.handle(info)
    timer = batches._timer
    assert timer is not None
    timer.join(timeout=10)
    assert len(seen) == logs.BATCH + 3
