"""The wide views: custom fields as columns, whatever they are called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from loader import transform
from loader.db import Connection, scalar
from tests.support.commands import Commands
from tests.support.staged import ACCOUNT, bring, field_value, lead, stage_run
from tests.support.wide import columns, definition, fields, values

OTHER = 222


def test_each_type_has_its_column(connection: Connection) -> None:
    """Typed, several values as arrays in their order, objects and unknown types as JSON."""
    kinds: dict[int, tuple[str, list[Any], str, str | None]] = {
        1: ("text", ["a"], "text", "a"),
        2: ("numeric", ["14.5"], "numeric", "14.5"),
        3: ("monetary", ["7"], "numeric", "7"),
        4: ("date", [1577836800], "timestamp with time zone", "2020-01-01 00:00:00+00"),
        5: ("birthday", [0], "timestamp with time zone", "1970-01-01 00:00:00+00"),
        6: ("checkbox", [True], "boolean", "true"),
        7: ("select", [{"value": "x", "enum_id": 1}], "text", "x"),
        8: ("radiobutton", [{"value": "y", "enum_id": 1}], "text", "y"),
        9: ("multiselect", ["z", "a", "m"], "text[]", "{z,a,m}"),
        10: ("multitext", [{"value": "+7", "enum_code": "WORK"}], "text[]", "{+7}"),
        11: ("legal_entity", [{"value": {"vat_id": "1"}}], "jsonb", '[{"vat_id": "1"}]'),
        12: ("chained_list", [{"catalog_id": 1}], "jsonb", '[{"catalog_id": 1}]'),
        13: ("invented later", ["a", "b"], "jsonb", '["a", "b"]'),
        14: ("numeric", ["a lot"], "numeric", None),
    }
    entries = [field_value(n, kind, *given) for n, (kind, given, _, _) in kinds.items()]

    fields(
        connection,
        *(definition(n, f"Поле {n}", kind) for n, (kind, *_) in kinds.items()),
        leads=[lead(1, custom_fields_values=entries), lead(2)],
    )

    assert columns(connection) == {f"Поле {n}": kind for n, (_, _, kind, _) in kinds.items()}
    casts = ", ".join(f'"Поле {n}"::text' for n in kinds)
    rows = connection.execute(f"SELECT {casts} FROM mart.leads ORDER BY id".encode()).fetchall()
    assert rows == [tuple(said for *_, said in kinds.values()), (None,) * len(kinds)]


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("Бюджет", "Бюджет"),
        ("a \"b\" 'c' \\d %s %I {e} $$ $1; --", "a \"b\" 'c' \\d %s %I {e} $$ $1; --"),
        ("  two\n lines\t\u00a0and  blanks ", "two lines and blanks"),
        ("in\u200bvis\u202eible", "invisible"),
        ("и\u0306од", "йод"),
        ("", "field 5"),
        (" \u3000 ", "field 5"),
        (None, "field 5"),
        ("id", "id (5)"),
        ("Price", "Price (5)"),
        ("Я" * 200, "Я" * 31),
        ("x" + "Я" * 200, "x" + "Я" * 31),
        ("😀" * 16, "😀" * 15),
        ("tableoid", "tableoid"),
    ],
)
def test_names(connection: Connection, name: str | None, column: str) -> None:
    """As typed, in one line of at most 63 bytes; what a base column has gets the field's id."""
    entry = field_value(5, "text", "value")

    fields(
        connection,
        definition(5, name),
        leads=[lead(1, custom_fields_values=[entry])],
    )

    assert list(columns(connection)) == [column]
    assert len(column.encode()) <= 63
    assert values(connection, column) == [("value",)]
    comment = scalar(
        connection,
        "SELECT col_description(attrelid, attnum) FROM pg_attribute"
        " WHERE attrelid = 'mart.leads'::regclass ORDER BY attnum DESC LIMIT 1",
    )
    assert comment.startswith(f"Custom field 5 of account {ACCOUNT}: ")


def test_a_field_without_a_name_is_called_by_its_code(connection: Connection) -> None:
    """Predefined fields have one."""
    fields(connection, definition(5, " ", code="UTM_SOURCE"))

    assert list(columns(connection)) == ["UTM_SOURCE"]


def test_equal_names(connection: Connection) -> None:
    """The oldest field has the name, the others their id behind it; cut names stay unique too."""
    long = "Очень длинное название поля, которое не помещается "

    fields(
        connection,
        definition(3, "Тип", sort=1),
        definition(1, "Тип", sort=2),
        definition(2, "Тип (3)", sort=3),
        definition(4, long + "раз"),
        definition(1234567, long + "два"),
        definition(6, "source"),
        definition(7, "SOURCE"),
        leads=[lead(1, custom_fields_values=[field_value(n, "text", str(n)) for n in range(1, 8)])],
    )

    first, second = "Очень длинное название поля, котор", "Очень длинное название поля, (1234567)"
    assert list(columns(connection)) == [
        "Тип (3) 2", "Тип", "Тип (3)", first, "source", "SOURCE (7)", second
    ]  # fmt: skip
    assert values(connection, "Тип", "Тип (3)", "Тип (3) 2") == [("1", "2", "3")]


def test_more_fields_than_a_view_can_have(connection: Connection, commands: Commands) -> None:
    """The rest is left out and said; what has a column keeps it."""
    entry = field_value(1500, "text", "last")
    stage_run(
        connection,
        [
            ("leads_custom_fields", [definition(n, f"Поле {n}") for n in range(1, 1551)]),
            ("leads", [lead(1, custom_fields_values=[entry])]),
        ],
    )

    warned = commands.ok("transform").err

    assert "mart.leads has no room for 50 more fields" in warned
    assert len(columns(connection)) == 1500
    assert values(connection, "Поле 1500") == [("last",)]
    assert len(connection.execute("SELECT * FROM mart.leads").fetchall()) == 1


def of_account(
    connection: Connection, account: int, **streams: Sequence[Mapping[str, Any]]
) -> None:
    """Stage and transform pages of another account."""
    run = stage_run(connection, list(streams.items()))
    connection.execute("UPDATE ops.runs SET account_id = %s WHERE id = %s", (account, run))
    transform.transform(connection)


def test_two_accounts_in_one_view(connection: Connection) -> None:
    """Fields of one name and type share a column; ids that both have are not mixed up."""
    fields(
        connection,
        definition(5, "Источник"),
        definition(6, "Сумма", "numeric"),
        definition(7, "Только здесь"),
        leads=[lead(1, custom_fields_values=[field_value(n, "text", f"a{n}") for n in (5, 7)])],
    )

    of_account(
        connection,
        OTHER,
        leads_custom_fields=[
            definition(7, "Источник"),
            definition(8, "Источник"),
            definition(9, "Сумма"),
        ],
        leads=[lead(1, custom_fields_values=[field_value(n, "text", f"b{n}") for n in (5, 7, 8)])],
    )

    assert list(columns(connection)) == [
        "Источник", "Сумма", "Только здесь", "Источник (8)", "Сумма (9)"
    ]  # fmt: skip
    assert values(connection, "Источник", "Источник (8)", "Только здесь") == [
        ("a5", None, "a7"),
        ("b7", "b8", None),
    ]

    # One of the two is renamed: the column stays with the other one.
    of_account(connection, OTHER, leads_custom_fields=[definition(7, "Канал")])
    assert values(connection, "Источник", "Канал") == [("a5", None), (None, "b7")]


def test_names_are_joined_in(loaded: Commands, connection: Connection) -> None:
    """All four views of a whole account: one row per entity that exists, with its names."""
    for entity in ("leads", "contacts", "companies", "customers"):
        counts = connection.execute(
            f"SELECT (SELECT count(*) FROM mart.{entity}),"
            f" (SELECT count(*) FROM amo.{entity} WHERE deleted_at IS NULL)".encode()
        ).fetchone()
        assert counts is not None
        assert counts[0] == counts[1] > 0, entity
        assert columns(connection, entity), entity
    filled = connection.execute(
        "SELECT count(pipeline_name), count(status_name), count(loss_reason_name),"
        " count(responsible_user_name), count(group_name), count(created_by_name),"
        " count(company_name), count(main_contact_name), count(tags) FROM mart.leads"
    ).fetchone()
    assert filled is not None
    assert all(filled), filled
    filled = connection.execute(
        "SELECT count(company_name), count(phones), count(emails), count(tags) FROM mart.contacts"
    ).fetchone()
    assert filled is not None
    assert all(filled), filled
    filled = connection.execute(
        "SELECT count(inn), count(phones), count(emails) FROM mart.companies"
    ).fetchone()
    assert filled is not None
    assert all(filled), filled
    assert scalar(
        connection,
        "SELECT count(*) FROM mart.leads"
        " JOIN mart.funnel USING (account_id, pipeline_id, status_id)"
        " WHERE pipeline_name IS DISTINCT FROM pipeline OR status_name IS DISTINCT FROM status",
    ) == 0  # fmt: skip


def test_activity_of_managers(connection: Connection) -> None:
    """Leads by month of creation and of closing, tasks by their term, notes by their author."""
    november, october = 1_700_000_000, 1_697_000_000
    bring(
        connection,
        users=[{"id": 7, "name": "Анна"}],
        leads=[
            lead(1, responsible_user_id=7, created_at=october, status_id=101, price=5),
            lead(2, responsible_user_id=7, created_at=october, closed_at=november, status_id=142,
                 price=10),
            lead(3, responsible_user_id=7, created_at=november, closed_at=november, status_id=143),
            lead(4, responsible_user_id=0, created_at=november, status_id=101),
        ],
        tasks=[
            {"id": n, "responsible_user_id": 7, "complete_till": till, "is_completed": done}
            for n, (till, done) in enumerate(
                [(november, True), (november, False), (4_000_000_000, False)], start=1
            )
        ],
        leads_notes=[
            {"id": n, "entity_id": 1, "created_by": by, "created_at": november, "note_type": kind}
            for n, (by, kind) in enumerate(
                [(7, "common"), (7, "call_in"), (0, "common"), (0, "call_out")], start=1
            )
        ],
    )  # fmt: skip

    rows = connection.execute(
        "SELECT month::text, user_name, leads_created, leads_still_open, price_open, leads_won,"
        " price_won, leads_lost, tasks_due, tasks_done, tasks_overdue, notes, calls"
        " FROM mart.manager_activity WHERE user_id = 7 ORDER BY month"
    ).fetchall()
    assert rows == [
        ("2023-10-01", "Анна", 2, 1, 5, 0, 0, 0, 0, 0, 0, 0, 0),
        ("2023-11-01", "Анна", 1, 0, 0, 1, 10, 1, 2, 1, 1, 1, 1),
        ("2096-10-01", "Анна", 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0),
    ]
    assert scalar(connection, "SELECT count(*) FROM mart.manager_activity WHERE user_id = 0") == 0
