"""What a load says of itself is what the other side saw."""

from __future__ import annotations

import re
import signal
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.pq import Trace

from loader import db
from loader.db import Connection, scalar
from loader.statements import SENT
from loader.streams import BY_NAME
from sandbox import process
from sandbox.process import Sandbox
from tests.conftest import for_account
from tests.support.commands import Commands
from tests.support.waiting import start_slow_load, wait_for_pages
from tests.test_oauth import SECRET, commands_for


def by_status(connection: Connection) -> dict[str, int]:
    """What is kept of the newest run, in the words of the sandbox."""
    rows = connection.execute(
        "SELECT status, sum(requests)::bigint FROM ops.run_requests"
        " WHERE run_id = (SELECT max(run_id) FROM ops.run_requests) GROUP BY status"
    )
    return {"reset" if status == "no answer" else str(status): n for status, n in rows}


def run_metrics(connection: Connection) -> dict[str, Any]:
    """The row of the newest run."""
    with connection.cursor(row_factory=psycopg.rows.dict_row) as cursor:
        row = cursor.execute("SELECT * FROM ops.run_metrics ORDER BY run_id DESC").fetchone()
    assert row is not None
    return row


def strike(account: Sandbox, **kinds: str) -> None:
    """One fault each: kind=name of the list."""
    faults = [
        {"kind": kind.rstrip("_"), "path": f"/api/v4/{path}", "times": 1}
        for kind, path in kinds.items()
    ]
    account.control("faults", {"faults": faults})


def test_a_quiet_load(own_commands: Commands, own_account: Sandbox, connection: Connection) -> None:
    """Requests, statuses and bytes are those of the server; JSON and tables agree."""
    metrics = own_commands.ok("load", "--json").json["metrics"]

    stats = own_account.stats()
    assert metrics["requests"] == stats["requests"]
    assert metrics["requests_by_status"] == by_status(connection) == stats["by_status"]
    assert metrics["bytes"] == stats["body_bytes"]
    assert metrics["retries"] == 0
    for name in ("leads", "contacts_notes", "users"):
        asked = stats["by_path"][f"/api/v4/{BY_NAME[name].path}"]
        assert sum(metrics["requests_by_stream"][name].values()) == asked
    assert metrics["pages"] == metrics["transactions"] == stats["by_status"]["200"]
    assert metrics["transaction_ms_p50"] <= metrics["transaction_ms_p95"]
    assert metrics["transaction_ms_p95"] <= metrics["transaction_ms_max"]
    assert metrics["transaction_ms_max"] <= metrics["transaction_ms"]
    assert metrics["cpu_seconds"] > 0.1
    kept = run_metrics(connection)
    assert {name: kept[name] for name in ("processes", "requests", "statements")} == {
        "processes": 1,
        "requests": metrics["requests"],
        "statements": metrics["statements"],
    }


def test_faults(own_commands: Commands, own_account: Sandbox, connection: Connection) -> None:
    """What was asked again is counted with the status that it had at first."""
    strike(own_account, http_500="leads", http_429="tasks", reset="companies", http_503="users")

    metrics = own_commands.ok("load", "--json").json["metrics"]

    stats = own_account.stats()
    assert by_status(connection) == stats["by_status"]
    assert metrics["requests"] == stats["requests"]
    assert metrics["retries"] == 4
    assert metrics["requests_by_stream"]["leads"]["500"] == 1
    assert metrics["requests_by_stream"]["tasks"]["429"] == 1
    assert metrics["requests_by_stream"]["companies"]["no answer"] == 1
    retried = connection.execute(
        "SELECT stream, status, retries FROM ops.run_requests WHERE retries > 0 ORDER BY stream"
    ).fetchall()
    assert retried == [(name, "200", 1) for name in ("companies", "leads", "tasks", "users")]


@pytest.mark.parametrize(
    ("kind", "code", "status"),
    [("403_html", 61, "failed"), ("html_200", 20, "partial"), ("http_401", 60, "failed")],
)
def test_loads_that_do_not_end_well(
    own_commands: Commands,
    own_account: Sandbox,
    connection: Connection,
    kind: str,
    code: int,
    status: str,
) -> None:
    """Their requests are written as well, to the last one."""
    own_account.control("faults", {"fault": {"kind": kind, "path": "/api/v4/leads", "page": 2}})

    assert own_commands.run("load").code == code

    assert scalar(connection, "SELECT status FROM ops.runs") == status
    assert by_status(connection) == own_account.stats()["by_status"]


def test_a_continued_load(
    own_commands: Commands, own_account: Sandbox, connection: Connection
) -> None:
    """Two processes add up to what the server saw; the time between them does not count."""
    strike(own_account, http_500="contacts")
    load = start_slow_load(own_commands, own_account)
    wait_for_pages(connection, 20)
    load.send_signal(signal.SIGTERM)
    load.communicate()
    own_account.control("settings", {"latency": "0:0"})
    first = run_metrics(connection)
    assert by_status(connection) == own_account.stats()["by_status"]

    time.sleep(1)
    summary = own_commands.ok("load", "--json").json

    stats, metrics = own_account.stats(), summary["metrics"]
    assert summary["resumed"] is True
    assert metrics["processes"] == 2
    assert by_status(connection) == metrics["requests_by_status"] == stats["by_status"]
    assert metrics["requests"] == stats["requests"]
    assert metrics["pages"] == metrics["transactions"]
    for name in ("requests", "statements", "transactions", "cpu_seconds", "request_seconds"):
        assert metrics[name] > first[name], name
    assert metrics["peak_rss_bytes"] >= first["peak_rss_bytes"]
    begin, end = (datetime.fromisoformat(metrics[f"{x}_request_at"]) for x in ("first", "last"))
    assert metrics["request_seconds"] < (end - begin).total_seconds() - 1
    # n requests of one process have n - 1 gaps between them.
    assert metrics["rate"] == pytest.approx(
        (stats["requests"] - 2) / metrics["request_seconds"], rel=0.01
    )


def test_kill_9(own_commands: Commands, own_account: Sandbox, connection: Connection) -> None:
    """What ended before is written."""
    load = start_slow_load(own_commands, own_account)
    wait_for_pages(connection, 30)
    load.kill()
    load.communicate()

    asked = own_account.stats()["by_path"]
    # Between the end of the last stream and its requests the kill may have come.
    ended = connection.execute(
        "SELECT stream FROM ops.run_streams ORDER BY finished_at DESC OFFSET 1"
    ).fetchall()
    rows = connection.execute(
        "SELECT stream, sum(requests)::bigint FROM ops.run_requests GROUP BY stream"
    )
    written: dict[str, int] = dict(rows.fetchall())
    assert len(ended) > 5
    for (name,) in ended:
        if not BY_NAME[name].parent:
            assert written[name] == asked[f"/api/v4/{BY_NAME[name].path}"], name
    own_account.control("settings", {"latency": "0:0"})
    time.sleep(0.5)  # the killed client's backends notice within client_connection_check_interval
    metrics = own_commands.ok("load", "--json").json["metrics"]
    assert metrics["processes"] == 2
    assert metrics["requests"] <= own_account.stats()["requests"]


def test_requests_for_tokens(dsn: str, connection: Connection) -> None:
    """A refresh is a request of no stream, a refused token one of its stream."""
    with process.start("--companies", "10", "--client-secret", SECRET) as account:
        oauth = commands_for(dsn, account)
        strike(account, http_401="users")
        metrics = oauth.ok("load", "--json", AMO_REFRESH_TOKEN="sandbox-refresh").json["metrics"]

        assert metrics["requests_by_stream"]["oauth"] == {"200": 2}
        assert metrics["requests_by_stream"]["users"] == {"200": 1, "401": 1}
        assert by_status(connection) == account.stats()["by_status"]
        assert metrics["requests"] == account.stats()["requests"]


def test_the_lines_for_a_person(dsn: str, account: Sandbox, connection: Connection) -> None:
    """The rate as the server saw it, a share of the limit, and nothing wider than the table."""
    account.control("reset-stats", {})
    names = ["users", "roles", "pipelines", "loss_reasons", "sources", "webhooks", "widgets"]
    streams = [word for name in names for word in ("--stream", name)]
    said = for_account(dsn, account).ok("load", "-v", *streams, AMO_RATE="7").err

    stats = account.stats()
    found = re.search(
        r"^8 requests in ([\d.]+) s = ([\d.]+)/s, ([\d.]+) % of the limit of 7/s\n"
        r"answers 200: 8; 0 retries\n"
        r"\d+ SQL statements, 8 page commits: p50 \d+ ms, p95 \d+ ms, max \d+ ms\n"
        r"CPU \d\.\d s, peak RSS \d\d MB$",
        said,
        re.MULTILINE,
    )
    assert found, said
    seconds, rate, share = (float(number) for number in found.groups())
    arrivals = stats["last_arrival"] - stats["first_arrival"]
    assert seconds == pytest.approx(arrivals, abs=0.1)
    assert rate == pytest.approx(7 / arrivals, rel=0.1)
    assert share == pytest.approx(100 * rate / 7, abs=0.2)
    assert share <= 100
    assert run_metrics(connection)["rate_share"] == pytest.approx(share / 100, abs=0.001)
    assert max(map(len, found[0].splitlines())) <= 80


def test_metrics_do_not_cost_a_load(
    own_commands: Commands, own_account: Sandbox, connection: Connection
) -> None:
    """Where they cannot be written the load is as good as ever, and says so once."""
    connection.execute("ALTER TABLE ops.run_requests ADD CHECK (requests < 0)")

    result = own_commands.ok("load", "--json")

    assert result.json["metrics"]["requests"] is None
    assert result.err.count("the metrics of this run are incomplete") == 1
    assert scalar(connection, "SELECT status FROM ops.runs") == "ok"


@pytest.fixture
def wire() -> Iterator[Path]:
    with tempfile.NamedTemporaryFile() as file:
        yield Path(file.name)


def test_statements_are_those_on_the_wire(dsn: str, wire: Path) -> None:
    """Counted as libpq's own trace has them: savepoints, rollbacks, COPY and errors too."""
    with db.connect(dsn, command="test") as connection, wire.open("w") as file:
        before = SENT.so_far()
        connection.pgconn.trace(file.fileno())
        connection.pgconn.set_trace_flags(Trace.SUPPRESS_TIMESTAMPS)
        connection.execute("SELECT 1")
        connection.execute("SELECT %s::integer", (1,))
        with connection.transaction(), connection.cursor() as cursor:
            cursor.execute("CREATE TEMPORARY TABLE numbers (n integer)")
            cursor.executemany("INSERT INTO numbers VALUES (%s)", [(n,) for n in range(5)])
            with cursor.copy("COPY numbers FROM STDIN") as copy:
                copy.write(b"7\n")
            with connection.transaction():
                cursor.execute("SELECT 1")
            with pytest.raises(psycopg.DataError), connection.transaction():
                cursor.execute("SELECT 1 / 0")
        with pytest.raises(psycopg.DataError), connection.transaction():
            connection.execute("SELECT 1 / %s", (0,))
        connection.pgconn.untrace()
        after = SENT.so_far()

    sent = re.findall(r"^F\t\d+\t(?:Query|Execute)\t.*$", wire.read_text(), re.MULTILINE)
    # psycopg clears its prepared statements away after a rollback.
    counted = [line for line in sent if "DEALLOCATE ALL" not in line]
    assert after.statements - before.statements == len(counted) == 21, sent
    # None of them was a page.
    assert after.commits == before.commits


def test_budgets(dsn: str) -> None:
    """60,000 entities: at most 5 SQL statements a page and none per row, at most 80 MB."""
    # Answers that come at once make all threads hold a page at the same time: 72 to 80 MB.
    flags = ["--companies", "3000", "--seed", "7", "--latency", "0.1:0.3"]
    with process.start(*flags) as account:
        metrics = for_account(dsn, account).ok("load", "--json").json["metrics"]

    assert metrics["rows"] > 55_000
    assert metrics["statements"] <= 5 * metrics["pages"]
    assert metrics["peak_rss_bytes"] <= 80e6
