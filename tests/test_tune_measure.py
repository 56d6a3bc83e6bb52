"""bin/tune measure: a scratch database that is gone afterwards, and tables that are as before."""

from __future__ import annotations

import signal
import time
from collections.abc import Mapping
from typing import Any

import psycopg
import pytest
from psycopg import sql

from loader import db
from loader.db import Connection, scalar
from loader.transform import transform
from tests.support.commands import Commands
from tests.support.staged import lead, stage_run
from tests.test_tune_advise import plain_role
from tuning import arms, measure, scratch
from tuning.arms import Arm
from tuning.measure import Taken


def scratch_databases(connection: Connection) -> list[str]:
    rows = connection.execute(
        "SELECT datname FROM pg_database WHERE datname ~ '^amo_measure_' ORDER BY datname"
    )
    return [str(name) for (name,) in rows]


def content(connection: Connection) -> dict[str, Any]:
    """Every row of every table of ours, and who wrote it."""
    tables = connection.execute(
        "SELECT schemaname, tablename FROM pg_tables"
        " WHERE schemaname IN ('amo', 'mart', 'ops', 'staging')"
    ).fetchall()
    query = "SELECT count(*), sum(hashtextextended(concat(xmin, t.*), 0)) FROM {} AS t"
    return {
        ".".join(names): connection.execute(
            sql.SQL(query).format(sql.Identifier(*names))
        ).fetchone()
        for names in tables
    }


def start_and_wait(commands: Commands, connection: Connection) -> Any:
    """A measure that is in the middle of a transform in its scratch database."""
    process = commands.start("tune", "measure", "--rounds", "99")
    deadline = time.monotonic() + 60
    while not scalar(
        connection,
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname ~ '^amo_measure_'"
        " AND state = 'active' AND query ~ 'MERGE INTO amo')",
    ):
        assert process.poll() is None, process.communicate()[1]
        assert time.monotonic() < deadline, "it does not come to a merge"
        time.sleep(0.01)
    return process


def test_ratios(staged: Commands, connection: Connection) -> None:
    """Of each arm, from the same rows; the database that was measured is as it was."""
    before = content(connection)

    result = staged.ok("tune", "measure", "--rounds", "2", "--json").json

    assert content(connection) == before
    assert scratch_databases(connection) == []
    assert result["schema"] == "amo-tune/measure/1"
    assert result["source"] == "staging"
    assert result["json_bytes"] == scalar(
        connection, "SELECT sum(bytes) FROM ops.pages WHERE status = 'staged'"
    )
    found = {arm["name"]: arm for arm in result["arms"]}
    assert found["baseline"]["settings"]["work_mem"] == "4MB"
    assert {"baseline again", "work_mem 64MB", "synchronous_commit off"} <= found.keys()
    assert found["all of these"]["settings"]["synchronous_commit"] == "off"
    documents = scalar(connection, "SELECT count(*) FROM amo.documents")
    for arm in found.values():
        assert len(arm["ratios"]) == len(arm["seconds"]) == 2
        assert all(0 < ratio < 100 for ratio in arm["ratios"])
        assert all(wal > 1_000_000 for wal in arm["wal_bytes"])
        assert arm["rows"] == found["baseline"]["rows"]
        assert arm["rows"][0] > documents > 0
    assert any("shared_buffers" in one["name"] for one in result["not_measured"])


def test_text(staged: Commands) -> None:
    """80 columns, and one round claims nothing."""
    lines = staged.ok("tune", "measure", "--rounds", "1").out.splitlines()

    assert max(map(len, lines)) <= 80
    assert any(line.startswith("work_mem 64MB ") for line in lines)
    assert "one round shows no spread, so that nothing can be told: --rounds 3" in lines
    assert not any("faster" in line or "slower" in line for line in lines)


def test_made_up_account(commands: Commands, connection: Connection) -> None:
    """--rows needs no load, and does not touch the database at all."""
    before = content(connection)

    result = commands.ok("tune", "measure", "--rows", "500", "--rounds", "1", "--json").json

    assert result["source"] == "sandbox"
    assert 250 < result["entities"] < 2000
    assert content(connection) == before
    assert scratch_databases(connection) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal(staged: Commands, connection: Connection, number: signal.Signals) -> None:
    """In the middle of a statement, and twice: the scratch database goes all the same."""
    process = start_and_wait(staged, connection)
    process.send_signal(number)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=30)

    assert process.returncode == 128 + number, errors
    assert "Traceback" not in errors
    assert scratch_databases(connection) == []


def test_leftovers(staged: Commands, connection: Connection) -> None:
    """What kill -9 leaves is dropped by the next one; what only has such a name is not."""
    process = start_and_wait(staged, connection)
    alive = scratch_databases(connection)
    scratch.drop_leftovers(connection)
    assert scratch_databases(connection) == alive, "in use"
    process.kill()
    process.communicate()
    assert scratch_databases(connection) == alive
    connection.execute("CREATE DATABASE amo_measure_7")
    try:
        staged.ok("tune", "measure", "--rounds", "1")
        assert scratch_databases(connection) == ["amo_measure_7"]
    finally:
        connection.execute("DROP DATABASE amo_measure_7")


def test_privileges(staged: Commands, connection: Connection, dsn: str) -> None:
    """To read, and CREATEDB: no more. What else the role may not, is not measured."""
    reads = "GRANT pg_read_all_data TO {}"
    with plain_role(connection, dsn, reads) as (role, plain):
        refused = staged.run("tune", "measure", AMO_DSN=plain)

        assert refused.code == 3
        assert "ERROR [3]: the role may not make a database to measure in" in refused.err
        assert (
            f'HINT: a superuser: ALTER ROLE "{role}" CREATEDB; nothing was changed' in refused.err
        )
    with plain_role(connection, dsn, reads, "ALTER ROLE {} CREATEDB") as (_, plain):
        result = staged.ok("tune", "measure", "--rounds", "1", "--json", AMO_DSN=plain).json

        left_out = {one["name"].split()[0]: one["why"] for one in result["not_measured"]}
        assert "GRANT SET ON PARAMETER" in left_out["wal_compression"]
    assert scratch_databases(connection) == []


def test_nothing_staged(commands: Commands, connection: Connection) -> None:
    result = commands.run("tune", "measure")

    assert result.code == 2
    assert "ERROR [2]: staging is empty" in result.err
    assert scratch_databases(connection) == []


@pytest.mark.parametrize(("raises", "expected"), [(True, "64MB"), (False, "4MB")])
def test_less_than_the_floor(dsn: str, raises: bool, expected: str) -> None:
    """An arm of 4 MB has 4 MB; a transform has 64."""
    options = f"{db.OPTIONS} {arms.options(Arm('baseline', {'work_mem': '4MB'}))}"
    with db.connect(dsn, command="test", options=options) as connection:
        stage_run(connection, [("leads", [lead(1)])])
        seen = set()

        def look(_: object) -> None:
            seen.add(scalar(connection, "SELECT current_setting('work_mem')"))

        transform(connection, on_step=look, raises_work_mem=raises)

    assert seen == {expected}


@pytest.mark.parametrize(
    ("knob", "again", "verdict"),
    [
        ((5.0, 5.2, 5.1), (10.1, 10.2, 9.9), measure.FASTER),
        ((15.0, 15.2, 15.1), (10.1, 10.2, 9.9), measure.SLOWER),
        ((9.0, 9.1, 9.0), (10.0, 13.0, 10.0), measure.NONE),  # so does the baseline
        ((7.0, 11.0, 8.0), (10.0, 10.0, 10.0), measure.NONE),  # the spread is larger
        ((5.0,), (10.0,), measure.NONE),  # no spread is known
    ],
)
def test_verdict(knob: tuple[float, ...], again: tuple[float, ...], verdict: str) -> None:
    seconds: Mapping[str, tuple[float, ...]] = {
        arms.BASELINE: (10.0,) * len(knob), arms.AGAIN: again, "knob": knob,
    }  # fmt: skip
    taken = {name: [Taken(one, 0, 0, 0) for one in ones] for name, ones in seconds.items()}

    judged = measure.judge([Arm(name, {}) for name in seconds], taken)

    assert judged[-1].verdict == verdict
    assert judged[0].verdict == judged[1].verdict == measure.NONE


def test_scratch_database_is_like_ours(connection: Connection) -> None:
    """Sorting text is part of what is measured."""
    query = (
        "SELECT datcollate, datctype, datlocprovider, pg_encoding_to_char(encoding)"
        " FROM pg_database WHERE datname = current_database()"
    )
    with scratch.database(connection) as dsn, psycopg.connect(dsn) as other:
        assert other.execute(query).fetchone() == connection.execute(query).fetchone()
    assert scratch_databases(connection) == []
