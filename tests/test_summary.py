"""The summary of a night: every row accounted for, and on a page of 80 columns."""

from __future__ import annotations

import json
import re

import pytest

from loader import report, summary
from loader.db import Connection, scalar
from loader.streams import STREAMS
from sandbox.process import Sandbox
from tests.support.commands import Commands


def runs_of(connection: Connection) -> tuple[int, int]:
    """The newest load and the newest transform."""
    kinds: dict[str, int] = dict(
        connection.execute("SELECT kind, max(id) FROM ops.runs GROUP BY kind").fetchall()
    )
    return kinds["load"], kinds["transform"]


def lines_of(text: str, name: str) -> list[list[str]]:
    return [words for line in text.splitlines() if (words := line.split()) and words[0] == name]


@pytest.mark.usefixtures("first_night")
def test_first_night(connection: Connection) -> None:
    """Each number is that of the ledgers; JSON and text say the same."""
    whole = summary.as_json(connection, *runs_of(connection), 61.4)
    text = summary.night(connection, *runs_of(connection), 61.4)

    assert summary.as_text(json.loads(json.dumps(whole))) == text
    assert max(map(len, text.splitlines())) <= 80
    for row in whole["rows"]:
        accounted = ("inserted", "updated", "unchanged", "superseded", "rejected")
        assert row["rows_read"] == sum(row[name] for name in accounted)
    assert sum(row["rows_read"] for row in whole["rows"]) == scalar(
        connection, "SELECT sum(rows) FROM ops.pages WHERE status = 'staged'"
    )
    assert lines_of(text, "leads")[1] == ["leads", "1200", "1200"]
    steps = {step["step"]: step for step in whole["steps"]}
    assert list(steps)[:3] == ["1_explode", "2_normalise", "3_merge"]
    documents = scalar(connection, "SELECT count(*) FROM amo.documents")
    assert steps["1_explode"]["inserted"] == steps["2_normalise"]["rows_in"] == documents
    assert sum(step["inserted"] for step in whole["steps"]) == scalar(
        connection, "SELECT sum(inserted) FROM ops.transforms"
    )
    assert re.search(r"^answers 429: 0; WAL \d+\.\d MB; done in 61\.4 s$", text, re.MULTILINE)
    assert "marked as deleted" not in text


def test_a_night_with_changes(
    first_night: Commands, own_account: Sandbox, connection: Connection
) -> None:
    """What is new, changed, gone, twice there and refused, each under its own name."""
    own_account.control(
        "mutate",
        {"delete": {"leads": 4}, "update": {"contacts": 5}, "insert": {"tasks": 3}},
    )
    first_night.ok("load")
    # One page once more, as when rows shift, and an entity without an id.
    connection.execute(
        "INSERT INTO staging.pages (run_id, stream, page_no, params, body)"
        " SELECT run_id, stream, 99, params, body FROM staging.pages"
        " WHERE stream = 'companies' AND page_no = 1 AND run_id = (SELECT max(id) FROM ops.runs)"
    )
    connection.execute(
        "UPDATE staging.pages SET body = jsonb_set(body, '{_embedded,users,0,id}', '\"none\"')"
        " WHERE stream = 'users' AND run_id = (SELECT max(id) FROM ops.runs)"
    )
    connection.execute(
        "INSERT INTO ops.pages SELECT (jsonb_populate_record(page, '{\"page_no\": 99}')).*"
        " FROM ops.pages AS page WHERE stream = 'companies' AND page_no = 1"
        " AND run_id = (SELECT max(id) FROM ops.runs)"
    )
    first_night.ok("transform")

    text = summary.night(connection, *runs_of(connection), 3725)

    assert lines_of(text, "companies")[1] == ["companies", "550", "300", "250"]
    assert lines_of(text, "tasks")[1][:3] == ["tasks", "603", "3"]
    (users,) = lines_of(text, "users")[1:]
    assert users[-1] == "1"
    assert re.search(r"^not found any more, marked as deleted: leads 4$", text, re.MULTILINE)
    assert re.search(r"^values that fit no type, in ops.rejects: .*users 1", text, re.MULTILINE)
    assert text.endswith("done in 1 h 2 min")
    assert max(map(len, text.splitlines())) <= 80


def test_rows_of_an_earlier_load(first_night: Commands, connection: Connection) -> None:
    """A transform takes what waits; what another load brought is told apart."""
    first_night.ok("load", "--stream", "leads")
    first_night.ok("load", "--stream", "users")
    first_night.ok("transform")

    text = summary.night(connection, *runs_of(connection), 1)

    assert re.search(r"^1201 rows more waited in staging, from earlier loads$", text, re.MULTILINE)


def test_large_accounts_fit() -> None:
    """Ten million rows in the stream with the longest name are no wider than the page."""
    name = max((stream.name for stream in STREAMS), key=len)
    read = {
        "stream": name, "pages": 40_000, "rows": 9_999_999, "bytes": 18_000_000_000,
        "requests": 40_002, "wait_seconds": 71_000.0, "http_seconds": 9_000.0,
        "copy_seconds": 12_345.6, "rejects": 3, "message": None, "status": "complete",
    }  # fmt: skip

    table = report.load_summary([read], 6000)

    assert max(map(len, table.splitlines())) <= 80
    assert "3 rejects (ops.rejects): " in table
    assert table.splitlines()[2].split() == [
        name, "40000", "9999999", "18000", "40002", "19.7h", "9000s", "3.4h",
    ]  # fmt: skip
