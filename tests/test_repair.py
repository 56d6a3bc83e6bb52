"""Pages that jsonb refuses: one value is replaced and noted, every other byte stays."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.db import Connection, scalar
from loader.repair import repair
from sandbox import process
from tests.conftest import for_account


def page(*items: str) -> bytes:
    return ('{"_embedded": {"leads": [' + ", ".join(items) + "]}}").encode()


@pytest.mark.parametrize(
    ("value", "repaired", "rejects"),
    [
        (r'"a\u0000b"', r'"a\ufffdb"', 1),
        (r'"a\\u0000b"', r'"a\\u0000b"', 0),
        (r'"a\\\u0000b"', r'"a\\\ufffdb"', 1),
        (r'"\ud83d\ude00"', r'"\ud83d\ude00"', 0),
        (r'"\ud83d"', r'"\ufffd"', 1),
        (r'"\ude00\ud83d"', r'"\ufffd\ufffd"', 1),
        (r'"\ud83d\u0041"', r'"\ufffd\u0041"', 1),
        ("1e400", "1e400", 0),
        ("1e400000", '"1e400000"', 1),
        ('"1e400000"', '"1e400000"', 0),
        ("10.10", "10.10", 0),
        ('"Ромашка"', '"Ромашка"', 0),
    ],
)
def test_one_value(connection: Connection, value: str, repaired: str, rejects: int) -> None:
    """Exactly what jsonb refuses is replaced, and PostgreSQL takes the result."""
    body, found = repair(page(f'{{"id": 7, "name": {value}}}'), "leads", "id")

    assert body == page(f'{{"id": 7, "name": {repaired}}}')
    assert len(found) == rejects
    assert all((r.entity_id, r.path) == ("7", "name") for r in found)
    assert scalar(connection, "SELECT %s::jsonb IS NOT NULL", (body.decode(),)) is True


@given(st.text(st.characters(), max_size=20))
def test_any_text(text: str) -> None:
    """For any string at all, surrogates included: what is not refused comes back unchanged."""
    body, rejects = repair(page(json.dumps({"id": 1, "name": text})), "leads", "id")

    name = json.loads(body)["_embedded"]["leads"][0]["name"]
    is_bad = any(c == "\0" or "\ud800" <= c <= "\udfff" for c in json.loads(json.dumps(text)))
    assert bool(rejects) == is_bad
    assert (name == text) or is_bad


def test_not_json() -> None:
    """Repairing is not guessing."""
    with pytest.raises(ValueError, match="Expecting"):
        repair(b"<html>", "leads", "id")


def test_poison_in_the_account(dsn: str, connection: Connection) -> None:
    """NUL, lone surrogates, huge numbers and wrong types in a real load: no row is lost."""
    with process.start("--companies", "60", "--seed", "7", "--poison", "3") as account:
        commands = for_account(dsn, account)
        commands.ok("load")
        commands.ok("transform")

        for stream in ("leads", "contacts", "companies"):
            rows = connection.execute(f"SELECT id FROM amo.{stream}").fetchall()
            assert sorted(rows) == sorted((n,) for n, _ in account.truth(stream)), stream
    reasons = connection.execute(
        "SELECT reason LIKE 'NUL%%', count(*) FROM ops.rejects GROUP BY 1 ORDER BY 1"
    ).fetchall()
    assert {bool(is_nul) for is_nul, _ in reasons} == {True, False}


def test_notes_do_not_pile_up(dsn: str, connection: Connection) -> None:
    """Night after night the same values are mended: what stands in ops.rejects is tonight's."""
    notes = "SELECT stream, entity_id, path, raw FROM ops.rejects ORDER BY 1, 2, 3, 4"
    with process.start("--companies", "60", "--seed", "7", "--poison", "3") as account:
        commands = for_account(dsn, account)
        commands.ok("refresh")
        first = connection.execute(notes).fetchall()
        commands.ok("refresh")
        # One that reads some of it only says nothing of the rest.
        commands.ok("load", "--stream", "users")
        commands.ok("transform")

        assert connection.execute(notes).fetchall() == first
        newest = "SELECT max(id) FROM ops.runs WHERE kind = 'load' AND refreshed_by IS NOT NULL"
        of_a_load = "SELECT DISTINCT run_id FROM ops.rejects WHERE reason LIKE 'NUL%'"
        assert connection.execute(of_a_load).fetchall() == [(scalar(connection, newest),)]
