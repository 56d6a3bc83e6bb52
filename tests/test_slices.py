"""bin/transform --chunk-rows: short transactions, the same rows, and what a kill leaves heals.

And that the same rows come whatever the order of the files in a step is.
"""

from __future__ import annotations

import json
import time

import pytest

from loader import sqlfiles, transform
from loader.db import Connection, scalar
from loader.errors import SqlError
from tests.support.commands import Commands
from tests.support.contents import Contents, contents, difference
from tests.support.staged import bring, lead, stage_run
from tests.support.waiting import reconnect

SLICE = 40


@pytest.fixture
def expected(staged: Commands, connection: Connection) -> Contents:
    """What one transaction made of the staged pages, which are to be transformed again."""
    expected = contents(connection)
    tables = ", ".join(name for name in expected if name.startswith("amo."))
    # What clusters were found from is kept beside them, so that a quiet night need not look.
    connection.execute(f"TRUNCATE {tables}, staging.cluster_basis".encode())
    connection.execute("DELETE FROM ops.runs WHERE kind = 'transform'")  # with their rejects
    return expected


def test_slices_give_the_same_rows(
    expected: Contents, loaded: Commands, connection: Connection
) -> None:
    """No transaction carries on more than so many documents, and nothing differs at the end."""
    summary = loaded.ok("transform", "--chunk-rows", str(SLICE), "--json").json

    assert difference(expected, contents(connection)) == {}
    documents = scalar(connection, "SELECT count(*) FROM amo.documents")
    assert len(summary["slice_seconds"]) == -(-documents // SLICE)
    assert 0 < summary["longest_transaction_seconds"] <= summary["seconds"]
    most = scalar(
        connection,
        "SELECT max(rows) FROM (SELECT count(*) FROM amo.leads GROUP BY xmin::text) AS one (rows)",
    )
    assert 1 < most <= SLICE < scalar(connection, "SELECT count(*) FROM amo.leads")


def test_backwards_gives_the_same_rows(
    expected: Contents, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files of a step do not depend on each other: a whole account, each step backwards."""
    forward = sqlfiles.find

    def backwards(*folders: str) -> list[sqlfiles.SqlFile]:
        return [file for folder in folders for file in reversed(forward(folder))]

    monkeypatch.setattr(sqlfiles, "find", backwards)
    transform.transform(connection)

    assert difference(expected, contents(connection)) == {}


def test_a_kill_between_slices_heals(
    expected: Contents, loaded: Commands, connection: Connection, dsn: str
) -> None:
    """kill -9 in the middle: some entities are there and others not; the next transform ends it."""
    last = max((row["account_id"], row["id"]) for row in map(json.loads, expected["amo.leads"]))
    with reconnect(dsn) as other, other.transaction(force_rollback=True):
        # The slice that comes to this lead has to wait for us.
        other.execute("INSERT INTO amo.leads (account_id, id) VALUES (%s, %s)", last)
        process = loaded.start("transform", "--chunk-rows", str(SLICE))
        wait_until_somebody_waits(connection)
        process.kill()
        process.communicate()

    plan = loaded.ok("transform", "--dry-run").out
    assert "documents of an interrupted transform wait for their rows" in plan
    some = scalar(connection, "SELECT count(*) FROM amo.leads")
    assert 0 < some < expected["amo.leads"].total()
    assert contents(connection)["amo.contacts"] == expected["amo.contacts"]
    loaded.ok("transform")
    assert difference(expected, contents(connection)) == {}


def wait_until_somebody_waits(connection: Connection) -> None:
    deadline = time.monotonic() + 100  # machines may be crowded
    while not scalar(
        connection,
        "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        " AND datname = current_database())",
    ):
        assert time.monotonic() < deadline, "the transform never came to the lead"
        time.sleep(0.01)


def test_a_failing_slice_says_what_is_kept(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The slices before it stay, and the next transform carries on."""
    stage_run(connection, [("leads", [lead(number) for number in range(1, 10)])])
    connection.execute("ALTER TABLE amo.leads ADD CONSTRAINT no_seven CHECK (id <> 7)")

    with pytest.raises(SqlError, match="no_seven") as failure:
        transform.transform(connection, chunk_rows=2)

    assert "slices before this one are committed" in failure.value.hint
    assert scalar(connection, "SELECT count(*) FROM amo.leads") == 6
    connection.execute("ALTER TABLE amo.leads DROP CONSTRAINT no_seven")
    transform.transform(connection)
    assert scalar(connection, "SELECT count(*) FROM amo.leads") == 9


def test_rebuild_in_slices(connection: Connection) -> None:
    """All documents, or those of one table, are gone through again in slices."""
    bring(connection, leads=[lead(number) for number in range(1, 10)])
    for names in ([], ["leads"]):
        connection.execute("UPDATE amo.leads SET name = 'somebody was here'")

        done = transform.transform(connection, names, chunk_rows=4)

        assert len(done.slices) == 3
        assert scalar(connection, "SELECT count(*) FROM amo.leads WHERE name ~ 'Сделка'") == 9


def test_the_ledger_counts_rows(connection: Connection) -> None:
    """What went into each file, and what became of it."""
    bring(connection, leads=[lead(1), lead(2, price="much"), lead(3)])
    first = ledger(connection)
    assert first["1_explode/documents"] == (3, 3, 0, 0, 0, 0)
    assert first["2_normalise/leads"] == (3, 0, 0, 0, 0, 1)
    assert first["3_merge/leads"] == (3, 3, 0, 0, 0, 0)

    bring(connection, leads=[lead(1), lead(2, price="much"), lead(3, name="new")])
    second = ledger(connection)
    assert second["1_explode/documents"] == (3, 0, 1, 2, 0, 0)
    assert second["2_normalise/leads"] == (1, 0, 0, 0, 0, 0)
    assert second["3_merge/leads"] == (1, 0, 1, 0, 0, 0)

    transform.transform(connection, ["leads"])
    assert ledger(connection)["3_merge/leads"] == (3, 0, 0, 3, 0, 0)


def ledger(connection: Connection) -> dict[str, tuple[int, ...]]:
    """Of the last transform: in, inserted, updated, unchanged, deleted, rejected."""
    rows = connection.execute(
        "SELECT replace(name, 'transforms/', ''), rows_in, inserted, updated, unchanged, deleted,"
        " rejected FROM ops.transforms WHERE run_id = (SELECT max(run_id) FROM ops.transforms)"
    )
    return {str(name): tuple(numbers) for name, *numbers in rows}


def test_files_run_by_hand_reject_once(connection: Connection) -> None:
    """What a run by hand has noted is noted again by the transform that takes it over."""
    stage_run(connection, [("leads", [lead(1, price="much")])])
    for step in ("1_explode", "2_normalise", "3_merge"):
        for file in sqlfiles.find(f"transforms/{step}"):
            connection.execute(file.text)
    assert scalar(connection, "SELECT count(*) FROM ops.rejects") == 1

    transform.transform(connection)

    assert scalar(connection, "SELECT count(*) FROM ops.rejects") == 1


def test_rejects_are_noted_once(connection: Connection) -> None:
    """However often a file goes through all documents; a failed rebuild loses none of them."""
    odd = lead(1, price="much", _embedded={"tags": [{"name": "no id"}]})
    bring(connection, leads=[odd, lead(2)])
    noted = rejects(connection)
    assert [path for path, _ in noted] == ["_embedded.tags", "price"]

    transform.transform(connection, ["leads"])
    transform.transform(connection, ["entity_tags"], chunk_rows=1)
    connection.execute("UPDATE ops.transforms SET checksum = 'older' WHERE name ~ '/leads$'")
    bring(connection, leads=[odd | {"name": "changed", "updated_at": 1_800_000_000}, lead(2)])
    assert rejects(connection) == noted

    connection.execute("UPDATE amo.leads SET price = 5")
    connection.execute(
        "ALTER TABLE amo.leads ADD CONSTRAINT short CHECK (name <> 'changed') NOT VALID"
    )
    with pytest.raises(SqlError, match="short"):
        transform.transform(connection, [])
    assert rejects(connection) == noted


def rejects(connection: Connection) -> list[tuple[str, str]]:
    rows = connection.execute("SELECT path, raw FROM ops.rejects ORDER BY path").fetchall()
    return [(str(path), str(raw)) for path, raw in rows]
