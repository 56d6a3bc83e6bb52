"""INN, KPP and OGRN: from fields named so, configured, or of type legal_entity."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from loader import transform
from loader.db import Connection, scalar
from tests.support.staged import ACCOUNT, bring, field_value
from tests.support.typed import lines

QUERY = (
    "SELECT kind, raw, value, is_valid FROM amo.legal_ids ORDER BY entity_type, entity_id, position"
)


def card(number: int, *fields: dict[str, Any]) -> dict[str, Any]:
    return {"id": number, "custom_fields_values": list(fields)}


def named(name: str, *values: Any, kind: str = "text", field_id: int = 1) -> dict[str, Any]:
    return field_value(field_id, kind, *values, field_name=name)


def test_corpus(connection: Connection) -> None:
    """Every line of tests/data/legal_ids.txt comes out as it says, in one transform."""
    corpus = list(lines("legal_ids.txt"))
    cards = [
        card(number, named(name.lstrip("#"), raw, kind="numeric" if name[0] == "#" else "text"))
        for number, (name, raw, _) in enumerate(corpus, 1)
    ]

    bring(connection, companies=cards)

    ours: dict[int, list[str]] = {}
    rows = connection.execute(
        "SELECT entity_id, kind, raw, value, is_valid FROM amo.legal_ids ORDER BY 1, position"
    )
    for number, kind, raw, value, is_valid in rows:
        assert raw == corpus[int(number) - 1][1]
        ours.setdefault(int(number), []).append(
            ("" if is_valid else "!") + kind + (f":{value}" if value else "")
        )
    assert [
        (name, raw, expected, ours.get(number))
        for number, (name, raw, expected) in enumerate(corpus, 1)
        if ours.get(number, ["-"]) != expected.split(" ")
    ] == []


def _check_digit(digits: str, weights: tuple[int, ...]) -> str:
    return str(sum(w * int(d) for w, d in zip(weights, digits, strict=True)) % 11 % 10)


def test_one_inn_in_ten_and_one_in_a_hundred(connection: Connection) -> None:
    """Of all last digits one fits, worked out here as the tax service says."""
    tens = [f"77{number:07}" for number in range(0, 9_999_999, 99_991)]
    tens = [head + _check_digit(head, (2, 4, 10, 3, 5, 9, 4, 6, 8)) for head in tens]
    twelves = [f"50{number:08}" for number in range(0, 99_999_999, 999_983)]
    twelves = [head + _check_digit(head, (7, 2, 4, 10, 3, 5, 9, 4, 6, 8)) for head in twelves]
    twelves = [head + _check_digit(head, (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)) for head in twelves]

    for right, tail in ((tens, 1), (twelves, 2)):
        found = connection.execute(
            "SELECT array_agg(head || lpad(tail::text, %(tail)s, '0') ORDER BY head)"
            " FILTER (WHERE staging.is_inn(head || lpad(tail::text, %(tail)s, '0')))"
            " FROM unnest(%(heads)s::text[]) AS head"
            " CROSS JOIN generate_series(0, %(most)s) AS tail",
            {"tail": tail, "most": 10**tail - 1, "heads": [inn[:-tail] for inn in right]},
        ).fetchone()
        assert found == (sorted(right),)


def test_legal_entity(connection: Connection) -> None:
    """INN, KPP and OGRN in one value, as text or number; each wrong one costs only itself."""
    bank = {
        "name": "ПАО Сбербанк",
        "vat_id": "7707083893",
        "kpp": "773601001",
        "tax_registration_reason_code": 1027700132195,
    }
    person = {"vat_id": 278081806, "kpp": "", "tax_registration_reason_code": None}
    broken = {"vat_id": {"inn": "7707083893"}, "kpp": ["770701001"], "bank_code": "044525225"}
    values = [{"value": value} for value in (bank, person, broken, {"name": "ООО"}, "ООО Ромашка")]

    bring(connection, companies=[card(1, field_value(1, "legal_entity", *values))])

    assert connection.execute(QUERY).fetchall() == [
        ("inn", "7707083893", "7707083893", True),
        ("kpp", "773601001", "773601001", True),
        ("ogrn", "1027700132195", "1027700132195", True),
        ("inn", "278081806", "0278081806", True),
        ("inn", '{"inn": "7707083893"}', None, False),
        ("kpp", '["770701001"]', None, False),
        ("inn", "ООО Ромашка", None, False),
    ]


def test_every_kind_of_entity(connection: Connection) -> None:
    """Leads, contacts, companies and customers; JSON numbers and what is no text at all."""
    fields = [
        named("ИНН", 7707083893, 278081806, kind="numeric"),
        named("ОГРН", {"value": {"ogrn": 1}}, {"value": None}, ""),
        # Ten digits, but seconds: only text and numbers are read by name.
        named("Дата проверки ИНН", 1577836800, kind="date"),
    ]

    streams = ("companies", "contacts", "customers", "leads")
    bring(connection, **{stream: [card(1, *fields)] for stream in streams})

    rows = [
        ("inn", "7707083893", "7707083893", True),
        ("inn", "278081806", "0278081806", True),
        ("ogrn", '{"ogrn": 1}', None, False),
    ]
    assert connection.execute(QUERY).fetchall() == rows * 4
    types = connection.execute("SELECT DISTINCT entity_type FROM amo.legal_ids ORDER BY 1")
    assert [row[0] for row in types] == list(streams)


def test_the_code_of_a_field_counts_as_its_name(connection: Connection) -> None:
    """A code is Latin, the name may be anything."""
    field = field_value(5, "text", "7707083893", field_name="Налог", field_code="COMPANY_INN")

    bring(connection, companies=[card(1, field)])

    assert connection.execute(QUERY).fetchall() == [("inn", "7707083893", "7707083893", True)]


def test_configured_fields(connection: Connection) -> None:
    """A DBA names fields, also of two kinds, or says that one is none; --rebuild applies it."""
    fields = [
        named("Реквизиты", "7707083893/770701001", field_id=7),
        named("Holiday Inn", "Москва", field_id=8),
    ]
    bring(connection, companies=[card(1, *fields)], contacts=[card(1, *fields)])
    assert connection.execute(QUERY).fetchall() == [("inn", "Москва", None, False)] * 2

    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO ops.legal_id_fields VALUES (%s, %s, %s, %s)",
            [
                (ACCOUNT, "companies", 7, "inn"),
                (ACCOUNT, "companies", 7, "kpp"),
                (ACCOUNT, "companies", 8, "none"),
                (ACCOUNT + 1, "contacts", 7, "inn"),
            ],
        )
    transform.transform(connection, ["legal_ids"])

    assert connection.execute(QUERY).fetchall() == [
        ("inn", "7707083893/770701001", "7707083893", True),
        ("kpp", "7707083893/770701001", "770701001", True),
        ("inn", "Москва", None, False),
    ]
    with pytest.raises(psycopg.errors.CheckViolation):
        connection.execute("UPDATE ops.legal_id_fields SET entity_type = 'company'")


def test_each_value_is_read_once(connection: Connection) -> None:
    """10,000 cards of one firm cost one look; the same text in another kind of field one more."""
    connection.execute("SET track_functions = 'pl'")
    cards = [card(number, named("ИНН", "7707083893")) for number in range(1, 10_001)]
    cards.append(card(10_001, named("КПП", "7707083893")))

    bring(connection, companies=cards)

    connection.execute("SELECT pg_stat_force_next_flush()")
    calls = scalar(
        connection, "SELECT calls FROM pg_stat_user_functions WHERE funcname = 'read_legal_ids'"
    )
    assert scalar(connection, "SELECT count(*) FROM amo.legal_ids WHERE is_valid") == 10_000
    assert calls == 2


def test_a_quiet_night_and_a_change(connection: Connection) -> None:
    """Unchanged rows are not written; a changed card loses the ids that went."""
    query = "SELECT ctid, xmin, * FROM amo.legal_ids ORDER BY 3, 4, 5"
    cards = [card(1, named("ИНН", "7707083893/770701001")), card(2, named("КПП", "770701001"))]
    bring(connection, companies=cards)
    before = connection.execute(query).fetchall()

    bring(connection, companies=cards)
    assert connection.execute(query).fetchall() == before
    assert len(before) == 3

    bring(connection, companies=[card(1, named("ИНН", "500100732259"))])
    assert [row[2] for row in connection.execute(QUERY)] == ["500100732259", "770701001"]


@pytest.mark.parametrize(
    "raw", ["1" * 1_000_000, "1 " * 9_999, "7707083893/" * 9_999, "1я" * 9_999]
)
def test_a_novel_in_the_field(connection: Connection, raw: str) -> None:
    """It costs neither the night nor the row."""
    bring(connection, companies=[card(1, named("ИНН", raw, "7707083893"))])

    rows = connection.execute(QUERY).fetchall()
    assert rows[0][1] == raw
    assert rows[-1] == ("inn", "7707083893", "7707083893", True)
    assert len(rows) < 100
