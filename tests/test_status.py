"""bin/status: what it says is what is there, whatever runs beside it; and it changes nothing."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from loader import db, embedded, locks, sqlfiles, status_text
from loader.db import Connection, scalar
from loader.streams import BY_NAME, STREAMS
from sandbox.process import Sandbox
from tests.support.commands import Commands
from tests.support.contents import contents
from tests.support.psql import psql
from tests.support.staged import bring, lead, stage_run
from tests.support.waiting import start_slow_load, wait_for_pages


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it does not come about"
        time.sleep(0.02)


def running(commands: Commands, *arguments: str) -> dict[str, dict[str, Any]]:
    """What runs, by kind; streams by name."""
    steps = commands.ok("status", "--json", *arguments).json["running"]
    return {step["what"] if step["kind"] == "stream" else step["kind"]: step for step in steps}


def test_after_a_night(loaded: Commands, connection: Connection) -> None:
    """Every stream that was read, with the numbers of the tables; nothing is written."""
    before = contents(connection)

    result = loaded.ok("status", "--json")

    document = result.json
    assert document["schema"] == "amo-status/1"
    streams = {stream["stream"]: stream for stream in document["streams"]}
    known = connection.execute("SELECT stream, count(*) FROM amo.documents GROUP BY stream")
    assert {name: stream["entities"] for name, stream in streams.items()} == dict(known.fetchall())
    assert set(streams) == {stream.name for stream in STREAMS if stream.is_default}
    leads = streams["leads"]
    assert leads["status"] == leads["last_success_status"] == "complete"
    assert leads["entities"] == leads["entities_read"] == leads["inserted"] > 0
    assert (leads["updated"], leads["deleted"]) == (0, 0)
    assert sum(stream["rejects"] for stream in streams.values()) == scalar(
        connection, "SELECT count(*) FROM ops.rejects"
    )
    asked = connection.execute(
        "SELECT status, sum(requests)::bigint FROM ops.run_requests GROUP BY 1"
    )
    assert {row["status"]: row["requests"] for row in document["requests"]} == dict(
        asked.fetchall()
    )
    assert [run["kind"] for run in document["runs"]] == ["load", "transform"]
    assert document["bytes"]["documents"] == scalar(
        connection, "SELECT pg_total_relation_size('amo.documents')"
    )
    assert (document["running"], document["drift"]) == ([], [])
    assert contents(connection) == before
    assert loaded.ok("status", "-q").out == ""


def test_a_page_of_80_columns(loaded: Commands) -> None:
    """Also with the longest names, ten million rows of each, and messages without end."""
    document = loaded.ok("status", "--json").json
    longest = max((stream.name for stream in STREAMS), key=len)
    numbers = ("entities", "entities_read", "pages", "requests", "inserted", "updated", "rejects")
    for stream in document["streams"]:
        stream.update(dict.fromkeys(numbers, 10**7))
        stream.update(stream=longest, status="interrupted", age=26.4 * 3600)
    document["streams"][0] |= {"status": "failed", "message": "no answer " * 30}
    for run in document["runs"]:
        run.update(run_id=10**7, status="interrupted", exit_code=143, message="x " * 200)
    step = {"run_id": 10**7, "elapsed": 10**5, "eta": 10**5, "known": 10**6, "done": 10**6,
            "rows": 10**7, "rate": 6.9, "state": "running"}  # fmt: skip
    document["running"] = [
        step | {"kind": "load", "what": None},
        step | {"kind": "stream", "what": longest, "state": "reading"},
        step | {"kind": "transform", "what": "2_normalise/custom_field_groups", "rate": None},
        step | {"kind": "refresh", "state": "dead", "what": None},
    ]

    page = status_text.text(document, verbosity=1)

    assert max(map(len, page.splitlines())) <= 80
    other = document["runs"][0] | {"account_id": 10**9, "mode": "incremental"}
    two_accounts = status_text.text(document | {"runs": [*document["runs"], other]})
    assert max(map(len, two_accounts.splitlines())) <= 80
    assert two_accounts.count("began") == 3
    assert "10.0M" in page
    assert max(map(len, loaded.ok("status", "-v").out.splitlines())) <= 80


def test_views_fit_a_terminal(loaded: Commands, dsn: str) -> None:
    """SELECT * in psql."""
    for view, width in (("v_status", 112), ("v_progress", 100), ("v_running", 100)):
        done = subprocess.run(
            [embedded.binary("psql"), "-X", "-c", f"SELECT * FROM ops.{view}", dsn],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert max(map(len, done.stdout.splitlines())) <= width


@pytest.mark.parametrize(
    ("age", "limit", "is_late"),
    [
        ("25 hours", "26h", False), ("27 hours", "26h", True), ("27 hours", "26", True),
        ("80 minutes", "90m", False), ("100 minutes", "90m", True), ("100 minutes", "1.5h", True),
        ("47 hours", "2d", False), ("49 hours", "2d", True), (None, "999d", True),
    ],
)  # fmt: skip
def test_max_age(
    loaded: Commands, connection: Connection, age: str | None, limit: str, is_late: bool
) -> None:
    """One stream that is too old, or that was never read to its end, is named."""
    connection.execute("UPDATE ops.run_streams SET status = 'skipped' WHERE stream = 'roles'")
    if age:
        connection.execute(
            "UPDATE ops.run_streams SET finished_at = now() - %s::interval WHERE stream = 'leads'",
            (age,),
        )
    else:
        connection.execute("DELETE FROM ops.run_streams WHERE stream = 'leads'")

    result = loaded.run("status", "-q", "--max-age", limit)

    assert (result.code, result.out) == (1 if is_late else 0, "")
    named = [line.split(":")[1].strip() for line in result.err.splitlines() if "DETAIL" in line]
    assert named == (["leads"] if is_late else [])


def test_max_age_of_one_stream(loaded: Commands, connection: Connection) -> None:
    """Only what is named counts, also what no full load reads."""
    connection.execute(
        "UPDATE ops.run_streams SET finished_at = now() - interval '2 days' WHERE stream = 'leads'"
    )
    asked = ("status", "-q", "--max-age", "26h", "--stream")

    assert [loaded.run(*asked, name).code for name in ("leads", "users", "files")] == [1, 0, 1]


def test_expected_is_what_the_full_load_reads(loaded: Commands) -> None:
    """A load of one stream does not make the others of no account, nor its own expected."""
    loaded.ok("load", "--stream", "leads", "--stream", "talks")

    streams = {s["stream"]: s for s in loaded.ok("status", "--json").json["streams"]}

    expected = {name for name, stream in streams.items() if stream["is_expected"]}
    assert expected == {stream.name for stream in STREAMS if stream.is_default}
    assert "talks" in streams
    assert streams["leads"]["run_id"] > streams["contacts"]["run_id"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--max-age", "soon"), ("--max-age", "0"), ("--max-age", "-1h"), ("--max-age", "1e9"),
        ("--max-age", "26 h"), ("--max-age", "nan"), ("--max-age", ""), ("--stream", "leads"),
        ("--max-age", "1h", "--stream", "deals"), ("--textfile", "no/such/folder/a.prom"),
        ("now",),
    ],
)  # fmt: skip
def test_wrong_calls(loaded: Commands, arguments: tuple[str, ...]) -> None:
    result = loaded.run("status", *arguments)

    assert result.code == 2
    assert result.err.startswith("ERROR [2]: ")
    assert "HINT: " in result.err
    assert "Traceback" not in result.err


def test_nothing_there(empty_dsn: str) -> None:
    """An empty database is told of, and stays empty."""
    result = Commands({"AMO_DSN": empty_dsn}).run("status", "--max-age", "26h")

    assert result.code == 58
    assert "HINT: bin/load comes first" in result.err
    with db.connect(empty_dsn, command="test") as connection:
        assert scalar(connection, "SELECT to_regnamespace('ops')") is None


def test_nothing_loaded(dsn: str) -> None:
    """A migrated database without a load is too old for every age."""
    commands = Commands({"AMO_DSN": dsn})

    assert commands.ok("status").err == ""
    result = commands.run("status", "--max-age", "9999d")
    assert result.code == 1
    assert result.err.splitlines()[0] == "ERROR [1]: nothing was read yet"


def test_an_older_schema(dsn: str, connection: Connection) -> None:
    """It is named and left alone."""
    connection.execute("DELETE FROM ops.migrations WHERE name > '0074'")

    result = Commands({"AMO_DSN": dsn}).run("status")

    assert result.code == 58
    assert "HINT: bin/migrate up" in result.err
    assert scalar(connection, "SELECT count(*) FROM ops.migrations WHERE name > '0074'") == 0


def test_a_load_that_runs_and_is_killed(
    first_night: Commands, own_account: Sandbox, connection: Connection
) -> None:
    """Pages by stream, what the last load had, an estimate; after kill -9 it is dead."""
    load = start_slow_load(first_night, own_account)
    refresh = scalar(
        connection,
        "INSERT INTO ops.runs (kind, mode, pid) VALUES ('refresh', 'full', 0) RETURNING id",
    )
    before = int(scalar(connection, "SELECT count(*) FROM ops.pages"))
    wait_for_pages(connection, before + 20)
    load.send_signal(signal.SIGSTOP)  # so that it is still there when it is looked at
    connection.execute(
        "UPDATE ops.runs SET refreshed_by = %s WHERE kind = 'load' AND status = 'running'",
        (refresh,),
    )

    steps = running(first_night)
    text = first_night.ok("status").out

    known = scalar(
        connection, "SELECT count(*) FROM ops.pages WHERE run_id = 1 AND status = 'staged'"
    )
    assert steps["load"]["state"] == steps["refresh"]["state"] == "running"
    assert steps["refresh"]["what"] == f"load {steps['load']['run_id']}"
    assert 0 < steps["load"]["done"] <= steps["load"]["known"] == known
    assert steps["load"]["eta"] is not None
    assert steps["load"]["rate"] > 0
    assert steps["leads"]["known"] == scalar(
        connection, "SELECT count(*) FROM ops.pages WHERE run_id = 1 AND stream = 'leads'"
        " AND status = 'staged'",
    )  # fmt: skip
    assert f"load {steps['load']['run_id']} runs for " in text

    load.send_signal(signal.SIGKILL)
    load.communicate()
    wait_until(lambda: running(first_night)["load"]["state"] == "dead")

    document = first_night.ok("status", "--json").json
    assert {step["state"] for step in document["running"]} == {"dead"}
    assert {run["kind"]: run["status"] for run in document["runs"]} == {
        "refresh": "dead", "load": "dead", "transform": "ok",
    }  # fmt: skip
    ended = {stream["stream"]: stream["status"] for stream in document["streams"]}
    assert set(ended.values()) <= {"dead", "complete"}
    assert "dead" in ended.values()
    assert "is dead: its process is gone" in first_night.ok("status").out
    own_account.control("settings", {"latency": "0:0"})
    first_night.ok("load")
    assert set(running(first_night)) == {"refresh"}


def test_a_first_load_has_no_estimate(
    own_commands: Commands, own_account: Sandbox, connection: Connection
) -> None:
    """Nothing to go by is not the same as nothing left."""
    load = start_slow_load(own_commands, own_account)
    wait_for_pages(connection, 5)
    load.send_signal(signal.SIGSTOP)
    steps = running(own_commands)
    load.kill()
    load.communicate()

    assert (steps["load"]["known"], steps["load"]["eta"]) == (None, None)
    assert steps["load"]["done"] >= 5


def test_a_refresh_between_its_steps(dsn: str, connection: Connection) -> None:
    """Its own session tells that it is alive; one of an earlier night is not meant."""
    connection.execute(
        "INSERT INTO ops.runs (kind, mode) SELECT 'refresh', 'full' FROM generate_series(1, 2)"
    )
    alive = "SELECT is_alive FROM ops.v_running ORDER BY run_id"

    with db.connect(dsn, command="refresh"):
        assert connection.execute(alive).fetchall() == [(False,), (True,)]
    wait_until(lambda: connection.execute(alive).fetchall() == [(False,), (False,)])
    shown = Commands({"AMO_DSN": dsn}).ok("status").out
    assert shown.count("is dead: its process is gone") == 2


@contextmanager
def halted(commands: Commands, dsn: str, connection: Connection) -> Iterator[subprocess.Popen[str]]:
    """A transform that goes no further than the file of leads, with all that it has locked."""
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'amo.leads'::regclass"
    with db.connect(dsn, command="test") as other, other.transaction():
        other.execute("LOCK TABLE amo.leads IN SHARE MODE")
        transform = commands.start("transform")
        wait_until(lambda: scalar(connection, waiting))
        transform.send_signal(signal.SIGSTOP)
    yield transform
    transform.send_signal(signal.SIGCONT)
    transform.communicate(timeout=60)


def test_beside_a_transform(staged: Commands, dsn: str, connection: Connection) -> None:
    """It waits for none of the locks of a transform, and says which file that is at."""
    with halted(staged, dsn, connection) as transform:
        locked = scalar(
            connection,
            "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted",
        )
        document = staged.ok("status", "--json").json
        shown = staged.ok("status").out

    assert locked > 10
    assert transform.returncode == 0
    (step,) = document["running"]
    assert (step["kind"], step["what"], step["state"]) == ("transform", "3_merge/leads", "running")
    assert 0 < step["done"] < step["known"]
    assert step["eta"] is not None
    assert document["bytes"]["documents"] > 0
    assert f"transform {step['run_id']} runs for " in shown
    assert running(staged) == {}
    took = scalar(connection, "SELECT seconds FROM ops.v_runs ORDER BY run_id DESC LIMIT 1")
    assert took > step["elapsed"]


def test_a_killed_transform(staged: Commands, dsn: str, connection: Connection) -> None:
    """It is told from one that runs; the next one begins anew."""
    with halted(staged, dsn, connection) as transform:
        transform.kill()
        wait_until(lambda: running(staged)["transform"]["state"] == "dead")

    assert "work was undone" in staged.ok("status").out.replace("\n", " ")
    staged.ok("transform")
    assert running(staged) == {}


@pytest.mark.parametrize("account", [1, 7, 11111111, 2**62])
def test_the_key_of_an_account(connection: Connection, account: int) -> None:
    """SQL finds the lock that Python takes."""
    locks.acquire(connection, account)

    held = scalar(connection, "SELECT objid::bigint FROM pg_locks WHERE classid = 727001")
    assert scalar(connection, "SELECT ops.account_lock_key(%s)", (account,)) == held


def test_every_stream_has_known_keys(connection: Connection) -> None:
    """A stream that is added is looked after as well; what lies in the trash is not typed."""
    stage_run(connection, [])

    rows = connection.execute("SELECT stream, keys FROM ops.known_keys").fetchall()

    known: dict[str, list[str]] = dict(rows)
    assert set(known) == {name for name, stream in BY_NAME.items() if stream.entity != "trash"}
    assert {"name", "price", "custom_fields_values", "_embedded"} <= set(known["leads"])


def test_drift(connection: Connection, dsn: str) -> None:
    """A key that no column reads is noted with an example; the file may run again."""
    drift = "SELECT stream, key, documents, example_id, example FROM ops.v_drift"
    bring(
        connection,
        leads=[lead(1, mood="good"), lead(2, mood={"a": 1}), lead(3, _embedded={"x": []})],
        contacts=[{"id": 5, "custom_fields_values": None, "first_name": "A"}],
        users=[{"id": 1, "rights": {}, "shoe": 43}],
    )
    found = [("leads", "mood", 2, "1", "good"), ("users", "shoe", 1, "1", "43")]
    assert connection.execute(drift).fetchall() == found

    (file,) = (f for f in sqlfiles.find("transforms/4_derive") if f.stem == "document_keys")
    psql(dsn, file)
    assert connection.execute(drift).fetchall() == found

    bring(connection, leads=[lead(1, mood="bad", updated_at=1_800_000_000)])
    assert connection.execute(drift).fetchall()[0] == ("leads", "mood", 1, "1", "bad")
    times = connection.execute("SELECT last_seen - first_seen FROM ops.document_keys ORDER BY key")
    assert times.fetchone()[0] > timedelta(0)  # type: ignore[index]
    shown = Commands({"AMO_DSN": dsn}).ok("status").out
    assert "keys that no column reads: 2, see ops.v_drift" in shown


def test_hostile_keys(connection: Connection) -> None:
    """Keys too long for an index, and a list that came as an object, cost no night."""
    many = {str(number): number for number in range(500)}

    bring(connection, leads=[lead(1, **{"k" * 9000: "v" * 9000, "": 1}), lead(2, **many)])

    keys = connection.execute("SELECT key, length(example) FROM ops.v_drift").fetchall()
    assert len(keys) == 100
    assert max(len(key) for key, _ in keys) <= 200
    assert scalar(connection, "SELECT count(*) FROM amo.leads") == 2


def test_rejects(connection: Connection) -> None:
    """Of a kind one row, whatever the values were."""
    bring(
        connection,
        leads=[lead(n, price=f"much {n}") for n in range(1, 4)] + [{"id": "x"}, {"id": "y"}],
    )

    rows = connection.execute(
        "SELECT stream, path, rejects, example, example_id FROM ops.v_rejects"
    ).fetchall()
    assert rows[:1] == [("leads", "price", 3, "much 3", "3")]
    assert [row[:3] for row in rows[1:]] == [("leads", "id", 2)]


def test_json_is_one_line_of_numbers(loaded: Commands) -> None:
    """What a program reads: no text of PostgreSQL in place of a number or a time."""
    line = loaded.ok("status", "--json").out

    assert len(line.splitlines()) == 1
    run = json.loads(line)["runs"][0]
    assert isinstance(run["seconds"], float)
    assert isinstance(run["age"], int)
    assert run["started_at"].endswith("+00:00")
