"""bin/transform --history: what every document was, and when, whatever happened in between."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import psycopg
import pytest

from loader import sqlfiles
from loader.db import Connection, scalar
from tests.support import staged
from tests.support.commands import Commands
from tests.support.psql import psql
from tests.support.staged import field_value, lead, stage_run

Row = tuple[Any, ...]


@pytest.fixture
def night(dsn: str) -> Commands:
    """bin/transform on the test's database; no account is asked."""
    return Commands({"AMO_DSN": dsn})


def versions(connection: Connection, number: int = 1) -> list[Row]:
    """(name, how it ended, is it uncertain) of a lead's versions, the oldest first."""
    return connection.execute(
        "SELECT doc ->> 'name', ended_by, certain_until IS NOT NULL FROM amo.document_versions"
        " WHERE stream = 'leads' AND id = %s ORDER BY valid_from",
        (str(number),),
    ).fetchall()


def edges(connection: Connection, number: int = 1) -> list[Row]:
    return connection.execute(
        "SELECT valid_from, valid_to FROM amo.document_versions"
        " WHERE stream = 'leads' AND id = %s ORDER BY valid_from",
        (str(number),),
    ).fetchall()


def as_of(connection: Connection, moment: object) -> dict[tuple[int, str], Any]:
    rows = connection.execute(
        "SELECT account_id, stream || '/' || id, doc FROM amo.documents_as_of(%s)", (moment,)
    )
    return {(account, name): doc for account, name, doc in rows}


def documents(connection: Connection) -> dict[tuple[int, str], Any]:
    rows = connection.execute(
        "SELECT account_id, stream || '/' || id, doc FROM amo.documents WHERE deleted_at IS NULL"
    )
    return {(account, name): doc for account, name, doc in rows}


def clock(connection: Connection) -> datetime:
    moment = scalar(connection, "SELECT clock_timestamp()")
    assert isinstance(moment, datetime)
    return moment


def stage_deletion(connection: Connection, *numbers: int) -> None:
    """A load that asked for these leads by id and did not get them."""
    run_id = stage_run(connection, [("users", [{"id": 1}])])
    for number in numbers:
        connection.execute(
            "INSERT INTO ops.deletions (run_id, stream, entity_id) VALUES (%s, 'leads', %s)",
            (run_id, str(number)),
        )


def stage_leads(connection: Connection, *leads: dict[str, Any]) -> None:
    stage_run(connection, [("leads", leads)])


def test_off_by_default(night: Commands, connection: Connection) -> None:
    """Without the flag nothing is kept, and whoever asks is told so."""
    stage_leads(connection, lead(1))

    night.ok("transform")

    assert versions(connection) == []
    with pytest.raises(psycopg.Error, match="no history is kept"):
        as_of(connection, clock(connection))


def test_baseline_takes_what_is_there(night: Commands, connection: Connection) -> None:
    """The first time every living document is taken, from the moment that it is known since."""
    stage_leads(connection, lead(1), lead(2), lead(3))
    night.ok("transform")
    stage_deletion(connection, 3)
    night.ok("transform")
    known_since = scalar(connection, "SELECT changed_at FROM amo.documents WHERE id = '2'")

    plan = night.ok("transform", "--history", "--dry-run").out
    night.ok("transform", "--history")

    assert "history: begins with 3 documents" in plan  # two leads and a user
    assert edges(connection, 2) == [(known_since, None)]
    assert versions(connection, 3) == []
    assert as_of(connection, clock(connection)) == documents(connection)


def test_a_time_before_the_history_is_refused(night: Commands, connection: Connection) -> None:
    """Half an answer would look like a whole one."""
    stage_leads(connection, lead(1))
    night.ok("transform")
    before = clock(connection)
    night.ok("transform", "--history")

    with pytest.raises(psycopg.Error, match="does not reach back"):
        as_of(connection, before)


def test_a_change(night: Commands, connection: Connection) -> None:
    """The old version ends in the moment in which the new one begins."""
    fields = [field_value(5, "text", "old"), field_value(6, "text", "same")]
    stage_leads(connection, lead(1, name="a", price=1, custom_fields_values=fields), lead(2))
    night.ok("transform", "--history")
    fields = [field_value(5, "text", "new"), field_value(6, "text", "same")]
    tags = {"tags": [{"id": 9}]}
    stage_leads(connection, lead(1, name="a", custom_fields_values=fields, _embedded=tags), lead(2))

    night.ok("transform", "--history")

    assert versions(connection) == [("a", "change", False), ("a", None, False)]
    (_, ended), (began, _) = edges(connection)
    query = "SELECT changed_at FROM amo.documents WHERE stream = 'leads' AND id = '1'"
    assert ended == began == scalar(connection, query)
    changes = connection.execute(
        "SELECT field, before, after FROM amo.document_changes"
        " WHERE stream = 'leads' AND id = '1' ORDER BY field"
    ).fetchall()
    assert [(field, b is None, a is None) for field, b, a in changes] == [
        ("_embedded/tags", True, False),
        ("custom_fields_values/5", False, False),
        ("price", False, True),
    ]
    assert changes[1][1][0]["values"] == [{"value": "old"}]
    assert len(versions(connection, 2)) == 1


@pytest.mark.alone  # WAL is counted for the whole server, which AMO_TEST_DSN may share out
@pytest.mark.parametrize("again", ["nothing", "the same", "other links", "rebuild", "rebuild one"])
def test_an_unchanged_night_writes_no_row(
    night: Commands, connection: Connection, again: str
) -> None:
    """Nor does a rebuild: not one row is inserted, updated, deleted or written again."""
    stage_leads(connection, *(lead(n, _links={"self": {"href": "page=1"}}) for n in range(50)))
    night.ok("transform", "--history")
    query = "SELECT array_agg(v.xmin::text || v::text ORDER BY id) FROM amo.document_versions v"
    before = scalar(connection, query)
    if again in ("the same", "other links"):
        href = "page=1" if again == "the same" else "page=2"
        stage_leads(connection, *(lead(n, _links={"self": {"href": href}}) for n in range(50)))
    options = {"rebuild": ["--rebuild"], "rebuild one": ["--rebuild", "leads"]}.get(again, [])

    summary = night.ok("transform", "--history", "--json", *options).json

    assert (summary["inserted"], summary["updated"], summary["deleted"]) == (0, 0, 0)
    assert summary["wal_bytes"] < 1_000_000
    assert scalar(connection, query) == before


def test_deleted_and_back(night: Commands, connection: Connection) -> None:
    """While it is gone there is no version; it comes back as a new one, though it is the same."""
    stage_leads(connection, lead(1, name="a"))
    night.ok("transform", "--history")
    stage_deletion(connection, 1)
    night.ok("transform", "--history")
    gone = clock(connection)
    stage_leads(connection, lead(1, name="a"))
    night.ok("transform", "--history")

    assert versions(connection) == [("a", "deletion", False), ("a", None, False)]
    (_, ended), (began, _) = edges(connection)
    assert ended < gone < began
    assert (staged.ACCOUNT, "leads/1") not in as_of(connection, gone)


def test_changed_and_deleted_in_one_night(night: Commands, connection: Connection) -> None:
    """A version that nobody could have seen is not kept."""
    stage_leads(connection, lead(1, name="a"))
    night.ok("transform", "--history")
    stage_leads(connection, lead(1, name="b"))
    stage_deletion(connection, 1)

    night.ok("transform", "--history")

    assert versions(connection) == [("a", "deletion", False)]


def test_one_run_without_the_flag_loses_nothing(night: Commands, connection: Connection) -> None:
    """Its changes are made up for, with their own time."""
    stage_leads(connection, lead(1, name="a"))
    night.ok("transform", "--history")
    stage_leads(connection, lead(1, name="b"), lead(2))
    night.ok("transform")
    changed = scalar(connection, "SELECT changed_at FROM amo.documents WHERE id = '1'")

    plan = night.ok("transform", "--history", "--dry-run").out
    night.ok("transform", "--history")

    assert "2 documents that changed since are made up for" in plan
    assert versions(connection) == [("a", "change", False), ("b", None, False)]
    assert edges(connection)[0][1] == edges(connection)[1][0] == changed
    assert versions(connection, 2) == [("Сделка 2", None, False)]


@pytest.mark.parametrize(
    ("missed", "expected"),
    [
        (["b", "c"], [("a", "change", True), ("c", None, False)]),
        (["b", "a"], [("a", "change", True), ("a", None, False)]),
        ([None, "a"], [("a", "change", True), ("a", None, False)]),
        (["b", None], [("a", "deletion", True)]),
        ([None, "b"], [("a", "change", True), ("b", None, False)]),
    ],
)
def test_a_gap_is_visible(
    night: Commands, connection: Connection, missed: Sequence[str | None], expected: list[Row]
) -> None:
    """What came and went without the flag is lost; the version says from when on that may be."""
    stage_leads(connection, lead(1, name="a"), lead(2))
    night.ok("transform", "--history")
    watched, unwatched = clock(connection), None
    for name in missed:
        if name is None:
            stage_deletion(connection, 1)
        else:
            stage_leads(connection, lead(1, name=name))
        night.ok("transform")
        unwatched = unwatched or clock(connection)
    query = "SELECT is_certain FROM amo.documents_as_of(%s) WHERE id = %s AND stream = 'leads'"
    assert scalar(connection, query, (watched, "1")) is True
    assert scalar(connection, query, (unwatched, "1")) is False
    night.ok("transform", "--history")

    assert versions(connection) == expected
    assert scalar(connection, query, (watched, "1")) is True
    assert scalar(connection, query, (unwatched, "1")) is False
    assert versions(connection, 2) == [("Сделка 2", None, False)]
    assert scalar(connection, query, (unwatched, "2")) is True
    stage_leads(connection, lead(1, name="z"))
    night.ok("transform", "--history")
    assert versions(connection)[-1] == ("z", None, False)


def test_as_of_is_what_was(
    night: Commands, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten nights of changes, deletions and returns in two accounts with the same ids."""
    chance = random.Random(7)  # noqa: S311 - repeatable
    seen: list[tuple[datetime, dict[tuple[int, str], Any]]] = []
    for _ in range(10):
        for account in (111, 222):
            monkeypatch.setattr(staged, "ACCOUNT", account)
            numbers = range(1, 21)
            some = chance.sample(numbers, 8)
            if chance.random() < 0.5:
                stage_deletion(connection, *chance.sample(numbers, 4))
            stage_leads(connection, *(lead(n, price=chance.randrange(3)) for n in some))
        night.ok("transform", "--history")
        seen.append((clock(connection), documents(connection)))

    assert len({account for _, was in seen for account, _ in was}) == 2
    for moment, was in seen:
        assert as_of(connection, moment) == was
    assert scalar(connection, "SELECT count(*) FROM amo.document_versions") > 100
    assert _overlaps(connection) == 0


def _overlaps(connection: Connection) -> object:
    return scalar(
        connection,
        "SELECT count(*) FROM amo.document_versions a JOIN amo.document_versions b"
        " USING (account_id, stream, id) WHERE a.valid_from < b.valid_from"
        " AND tstzrange(a.valid_from, a.valid_to) && tstzrange(b.valid_from, b.valid_to)",
    )


def test_a_clock_that_was_set_back(night: Commands, connection: Connection) -> None:
    """Versions follow each other all the same."""
    stage_leads(connection, lead(1, name="a"))
    night.ok("transform", "--history")
    connection.execute("UPDATE amo.document_versions SET valid_from = now() + interval '1 hour'")
    stage_leads(connection, lead(1, name="b"))

    night.ok("transform", "--history")

    (_, ended), (began, _) = edges(connection)
    assert ended == began
    assert versions(connection) == [("a", "change", False), ("b", None, False)]


def test_retention(night: Commands, connection: Connection) -> None:
    """Versions that ended long enough ago go; open ones stay however old they are."""
    for name in ("a", "b", "c"):
        stage_leads(connection, lead(1, name=name), lead(2))
        night.ok("transform", "--history")
    for days, name in ((40, "a"), (20, "b")):
        connection.execute(
            "UPDATE amo.document_versions SET valid_from = now() - interval '99 days',"
            " valid_to = now() - make_interval(days => %s) WHERE doc ->> 'name' = %s",
            (days, name),
        )
    connection.execute(
        "UPDATE amo.document_versions SET valid_from = now() - interval '5 years'"
        " WHERE valid_to IS NULL AND id = '2'"
    )

    night.ok("transform", "--history")
    assert len(versions(connection)) == 3
    plan = night.ok("transform", "--history", "--history-days", "30", "--dry-run").out
    assert "1 versions ended more than 30 days ago" in plan
    night.ok("transform", AMO_HISTORY="on", AMO_HISTORY_DAYS="30")

    assert [name for name, *_ in versions(connection)] == ["b", "c"]
    assert len(versions(connection, 2)) == 1
    connection.execute("UPDATE ops.history_runs SET kept_at = now() - interval '99 days'")
    with pytest.raises(psycopg.Error, match="does not reach back"):
        as_of(connection, scalar(connection, "SELECT now() - interval '31 days'"))
    as_of(connection, scalar(connection, "SELECT now() - interval '29 days'"))


def test_emptied_by_hand(night: Commands, connection: Connection) -> None:
    """Whatever else is emptied with it, the next run begins anew."""
    stage_leads(connection, lead(1))
    night.ok("transform", "--history")
    for tables in ("amo.document_versions", "amo.document_versions, ops.history_runs"):
        connection.execute(f"TRUNCATE {tables}")

        night.ok("transform", "--history")

        assert versions(connection) == [("Сделка 1", None, False)]


def test_a_failed_transform_keeps_nothing(night: Commands, connection: Connection) -> None:
    """Versions and documents are one transaction."""
    stage_leads(connection, lead(1, name="a"))
    night.ok("transform", "--history")
    stage_leads(connection, lead(1, name="b"))
    connection.execute("UPDATE ops.pages SET rows = rows + 1")

    assert night.run("transform", "--history").code == 3
    assert versions(connection) == [("a", None, False)]
    connection.execute("UPDATE ops.pages SET rows = rows - 1")
    night.ok("transform", "--history")
    assert versions(connection) == [("a", "change", False), ("b", None, False)]


def test_a_killed_transform_keeps_nothing(
    night: Commands, connection: Connection, dsn: str
) -> None:
    """kill -9 while versions are written: the next one keeps them, with one gap less."""
    stage_leads(connection, lead(1, name="a"))
    night.ok("transform", "--history")
    stage_leads(connection, lead(1, name="b"))
    with psycopg.connect(dsn) as other:
        other.execute("LOCK TABLE amo.document_versions")
        transform = night.start("transform", "--history")
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            " AND datname = current_database()"
        )
        deadline = time.monotonic() + 30
        while scalar(connection, waiting) == 0:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        transform.kill()
        transform.communicate()
    assert versions(connection) == [("a", None, False)]

    deadline = time.monotonic() + 30
    while (result := night.run("transform", "--history")).code == 50:
        assert time.monotonic() < deadline, "the backend of the killed client does not end"
        time.sleep(0.1)

    assert result.code == 0, result.err
    assert versions(connection) == [("a", "change", False), ("b", None, False)]


def test_by_hand(night: Commands, connection: Connection, dsn: str) -> None:
    """psql -f of the file does what the flag does; twice, and between, it does no harm."""
    (versioning,) = sqlfiles.find("transforms/5_history")
    explode = sqlfiles.find("transforms/1_explode")[0]
    stage_leads(connection, lead(1, name="a"))
    night.ok("transform")
    for name in ("b", "c"):
        psql(dsn, versioning)
        psql(dsn, versioning)
        stage_leads(connection, lead(1, name=name))
        psql(dsn, explode)
    psql(dsn, versioning)
    night.ok("transform", "--history")

    expected = [("a", "change", False), ("b", "change", False), ("c", None, False)]
    assert versions(connection) == expected
    psql(dsn, versioning, "-c amo.history_days=1")
    assert len(versions(connection)) == 3
    connection.execute(
        "UPDATE amo.document_versions SET valid_from = valid_from - interval '9 days',"
        " valid_to = valid_to - interval '9 days' WHERE valid_to IS NOT NULL"
    )
    psql(dsn, versioning, "-c amo.history_days=1")
    assert versions(connection) == expected[2:]


def test_the_check_finds_what_is_wrong(night: Commands, connection: Connection) -> None:
    """Versions that somebody laid over each other stop the transform that touches them."""
    for name in ("a", "b"):
        stage_leads(connection, lead(1, name=name))
        night.ok("transform", "--history")
    connection.execute(
        "UPDATE amo.document_versions SET valid_to = now() + interval '1 hour' WHERE id = '1'"
        " AND valid_to IS NOT NULL"
    )
    connection.execute(
        "UPDATE amo.document_versions SET valid_from = valid_from - interval '1 hour'"
        " WHERE valid_to IS NULL"
    )
    stage_leads(connection, lead(1, name="c"))

    result = night.run("transform", "--history")

    assert result.code == 3
    assert "check document_versions failed" in result.err


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (["--history-days", "30"], {}),
        (["--history", "--history-days", "0"], {}),
        (["--history", "--history-days", "soon"], {}),
        ([], {"AMO_HISTORY": "maybe"}),
    ],
)
def test_settings_that_make_no_sense(
    night: Commands, arguments: list[str], environment: dict[str, str]
) -> None:
    """Refused before anything runs."""
    result = night.run("transform", *arguments, **environment)

    assert result.code == 2
    assert "history" in result.err.lower()
