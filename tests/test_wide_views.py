"""The wide views: custom fields as columns, whatever they are called and however they change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from psycopg import sql

from loader import transform
from loader.db import Connection, scalar
from tests.support.commands import Commands
from tests.support.staged import ACCOUNT, bring, field_value, lead, stage_run

OTHER = 222


def definition(number: int, name: str | None, kind: str = "text", **more: Any) -> dict[str, Any]:
    """A custom field as its list describes it."""
    return {"id": number, "name": name, "type": kind, "sort": number} | more


def fields(connection: Connection, *definitions: Mapping[str, Any], **more: Any) -> None:
    """Bring these definitions of fields of leads, and other streams."""
    bring(connection, leads_custom_fields=definitions, **more)


def night(
    connection: Connection, commands: Commands, *definitions: Mapping[str, Any], **more: Any
) -> str:
    """The same by the command, in a session of its own; returns what it warned of."""
    stage_run(connection, [("leads_custom_fields", definitions), *more.items()])
    return commands.ok("transform").err


def note_deleted(connection: Connection, number: int) -> None:
    """As a load does when amoCRM, asked for it by id, does not have it any more."""
    run = stage_run(connection, [])
    connection.execute(
        "INSERT INTO ops.deletions (run_id, stream, entity_id)"
        " VALUES (%s, 'leads_custom_fields', %s)",
        (run, str(number)),
    )


def columns(connection: Connection, view: str = "leads") -> dict[str, str]:
    """Name and type of the custom columns, in their order."""
    rows = connection.execute(
        "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute"
        " WHERE attrelid = to_regclass('mart.' || %s) AND attnum > ("
        "  SELECT attnum FROM pg_attribute WHERE attname = 'tags'"
        "  AND attrelid = to_regclass('mart.' || %s)) ORDER BY attnum",
        (view, view),
    ).fetchall()
    return {str(name): str(kind) for name, kind in rows}


def values(connection: Connection, *names: str) -> list[tuple[Any, ...]]:
    """These columns of all leads, by id."""
    query = sql.SQL("SELECT {} FROM mart.leads ORDER BY account_id, id").format(
        sql.SQL(", ").join(map(sql.Identifier, names))
    )
    return connection.execute(query).fetchall()


def identity(connection: Connection) -> tuple[Any, ...]:
    """Another one for any statement that touched the view."""
    row = connection.execute(
        "SELECT c.oid, c.xmin::text, r.xmin::text, c.relacl::text FROM pg_class c"
        " JOIN pg_rewrite r ON r.ev_class = c.oid WHERE c.oid = 'mart.leads'::regclass"
    ).fetchone()
    assert row is not None
    return row


def role(connection: Connection, name: str) -> str:
    """A role that no other test has; the server is shared."""
    unique = f"{name}_{connection.info.dbname}"
    connection.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(unique)))
    return unique


def grants(connection: Connection, *statements: str, **roles: str) -> None:
    for statement in statements:
        names = {key: sql.Identifier(name) for key, name in roles.items()}
        connection.execute(sql.SQL(statement).format(**names))  # type: ignore[arg-type]


def acl(connection: Connection) -> list[tuple[Any, ...]]:
    """Who may do what with the view and its columns."""
    return connection.execute(
        "SELECT a.attname, g.grantee::regrole::text, g.privilege_type, g.is_grantable"
        " FROM (SELECT NULL AS attname, relacl AS acl FROM pg_class"
        "  WHERE oid = 'mart.leads'::regclass UNION ALL SELECT attname, attacl"
        "  FROM pg_attribute WHERE attrelid = 'mart.leads'::regclass) a,"
        " aclexplode(a.acl) g ORDER BY 1, 2, 3"
    ).fetchall()


def test_each_type_has_its_column(connection: Connection) -> None:
    """Typed, several values as arrays in their order, objects and unknown types as JSON."""
    kinds = {
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


def test_a_new_field_is_appended(connection: Connection) -> None:
    """Also one with an older id and an equal name: no column moves or changes its name."""
    fields(connection, definition(5, "a"), definition(6, "b"))
    before = identity(connection)
    connection.execute("CREATE VIEW public.mine AS SELECT a, b FROM mart.leads")
    reader = role(connection, "reader")
    grants(connection, "GRANT SELECT ON mart.leads TO {r}", r=reader)

    fields(connection, definition(4, "a"), definition(7, "c", sort=0))

    assert list(columns(connection)) == ["a", "b", "c", "a (4)"]
    assert identity(connection)[0] == before[0]
    assert reader in str(acl(connection))
    assert connection.execute("SELECT * FROM public.mine").fetchall() == []


def test_an_unchanged_night_touches_nothing(connection: Connection, commands: Commands) -> None:
    """The same metadata again, or changes that no column shows: the view is not even locked."""
    given = [definition(5, "a"), definition(6, "b")]
    night(connection, commands, *given, leads=[lead(1)])
    before = identity(connection)
    state = "SELECT xmin::text FROM ops.wide_views WHERE entity_type = 'leads'"
    known = scalar(connection, state)
    connection.execute("CREATE VIEW public.mine AS SELECT * FROM mart.leads")

    with reading(connection):
        # Whoever reads the view would have to be waited for.
        warned = night(connection, commands, given[0] | {"sort": 9}, leads=[lead(2)])

    assert warned == ""
    assert identity(connection) == before
    assert scalar(connection, state) == known
    assert scalar(connection, "SELECT count(*) FROM public.mine") == 2


@contextmanager
def reading(connection: Connection) -> Iterator[int]:
    """A session in the middle of a transaction that has read mart.leads; yields its pid."""
    with psycopg.connect(connection.info.dsn, application_name="report") as reader:
        reader.execute("SELECT FROM mart.leads")
        yield reader.info.backend_pid


def test_a_renamed_field_renames_its_column(connection: Connection) -> None:
    """In place: views that use it go along, grants stay; names may even change places."""
    entries = [field_value(n, "text", str(n)) for n in (5, 6)]
    fields(
        connection,
        definition(5, "a"),
        definition(6, "b"),
        leads=[lead(1, custom_fields_values=entries)],
    )
    oid = identity(connection)[0]
    connection.execute("CREATE VIEW public.mine AS SELECT a, b FROM mart.leads")
    reader = role(connection, "reader")
    grants(connection, "GRANT SELECT (a) ON mart.leads TO {r}", r=reader)

    fields(connection, definition(5, "b"), definition(6, "a"))
    assert values(connection, "a", "b") == [("6", "5")]
    fields(connection, definition(5, "новое"), definition(6, "a"))

    assert list(columns(connection)) == ["новое", "a"]
    assert values(connection, "новое", "a") == [("5", "6")]
    assert identity(connection)[0] == oid
    assert connection.execute("SELECT a, b FROM public.mine").fetchall() == [("5", "6")]
    assert ("новое", reader, "SELECT", False) in acl(connection)


def test_a_deleted_field_loses_its_column(connection: Connection) -> None:
    """The view is made anew with owner, options and grants, those on columns included."""
    fields(connection, definition(5, "a"), definition(6, "b"))
    owner, reader, boss = (role(connection, name) for name in ("owner", "reader", "boss"))
    grants(
        connection,
        "GRANT CREATE, USAGE ON SCHEMA mart TO {o}",
        "GRANT SELECT ON mart.leads TO {b} WITH GRANT OPTION",
        "GRANT SELECT (id, b) ON mart.leads TO {r}",
        "GRANT SELECT ON mart.leads TO PUBLIC",
        "ALTER VIEW mart.leads SET (security_barrier = true)",
        "ALTER VIEW mart.leads OWNER TO {o}",
        "ALTER DEFAULT PRIVILEGES IN SCHEMA mart GRANT INSERT ON TABLES TO {r}",
        o=owner,
        r=reader,
        b=boss,
    )
    before = acl(connection)

    note_deleted(connection, 5)
    transform.transform(connection)

    assert list(columns(connection)) == ["b"]
    assert acl(connection) == before
    query = "SELECT relowner::regrole::text, reloptions FROM pg_class WHERE oid = %s::regclass"
    row = connection.execute(query, ("mart.leads",)).fetchone()
    assert row == (owner, ["security_barrier=true"])
    assert scalar(connection, "SELECT obj_description('mart.leads'::regclass)")
    assert scalar(connection, "SELECT count(*) FROM pg_class WHERE relname LIKE '%~%'") == 0


def test_dependents_keep_a_deleted_field(connection: Connection, commands: Commands) -> None:
    """NULL and a warning that names them, once; gone with them, and the name is free again."""
    night(connection, commands, definition(5, "a"), definition(6, "b"), leads=[lead(1)])
    connection.execute("CREATE VIEW public.mine AS SELECT a FROM mart.leads")
    note_deleted(connection, 5)

    warned = commands.ok("transform").err

    assert "mart.leads keeps columns that are out of date" in warned
    assert "public.mine" in warned
    assert columns(connection) == {"a": "text", "b": "text"}
    assert connection.execute("SELECT a FROM public.mine").fetchall() == [(None,)]
    kept = connection.execute("SELECT kept_columns, blocked_by FROM ops.wide_views").fetchall()
    assert (["a"], ["public.mine"]) in kept
    before = identity(connection)
    assert commands.ok("transform").err == ""
    assert identity(connection) == before

    connection.execute("DROP VIEW public.mine")
    commands.ok("transform")

    assert list(columns(connection)) == ["b"]
    assert scalar(connection, "SELECT count(message) FROM ops.wide_views") == 0


def test_a_field_changes_its_type(connection: Connection) -> None:
    """A new view with the new type; where something depends on the old one, that one goes on."""
    entries = [field_value(n, "text", "12") for n in (5, 6)]
    number = [field_value(n, "numeric", "12") for n in (5, 6)]
    fields(
        connection,
        definition(5, "a"),
        definition(6, "b"),
        leads=[lead(1, custom_fields_values=entries)],
    )

    fields(
        connection,
        definition(5, "a", "numeric"),
        leads=[lead(1, custom_fields_values=[number[0], entries[1]])],
    )
    assert columns(connection) == {"a": "numeric", "b": "text"}
    assert values(connection, "a", "b") == [(12, "12")]

    connection.execute("CREATE VIEW public.mine AS SELECT b FROM mart.leads")
    fields(
        connection,
        definition(6, "b", "numeric"),
        leads=[lead(1, custom_fields_values=number)],
    )
    assert columns(connection) == {"a": "numeric", "b": "text"}
    assert values(connection, "b") == [("12",)]
    connection.execute("DROP VIEW public.mine")
    transform.transform(connection)
    assert columns(connection)["b"] == "numeric"


def test_every_kind_of_dependent_is_found(connection: Connection) -> None:
    """Whatever a DROP would refuse or take along stands in the way."""
    fields(connection, definition(5, "a"))
    makers = {
        "VIEW public.d1": "CREATE VIEW public.d1 AS SELECT id FROM mart.leads",
        "MATERIALIZED VIEW public.d2": "CREATE MATERIALIZED VIEW public.d2 AS"
        " SELECT id FROM mart.leads",
        "FUNCTION public.d3()": "CREATE FUNCTION public.d3() RETURNS bigint LANGUAGE sql"
        " BEGIN ATOMIC SELECT count(*) FROM mart.leads; END",
        "TABLE public.d4": "CREATE TABLE public.d4 (one mart.leads)",
        "TABLE public.d5": "CREATE TABLE public.d5 (many mart.leads[])",
        "FUNCTION public.d6(mart.leads)": "CREATE FUNCTION public.d6(mart.leads) RETURNS int"
        " LANGUAGE sql AS 'SELECT 1'",
        "TRIGGER d7 ON mart.leads": "CREATE TRIGGER d7 INSTEAD OF INSERT ON mart.leads"
        " FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        "RULE d8 ON mart.leads": "CREATE RULE d8 AS ON DELETE TO mart.leads DO INSTEAD NOTHING",
    }
    query = "SELECT ops.view_dependents('mart.leads')"
    assert scalar(connection, query) == []

    for dropped, created in makers.items():
        connection.execute(created.encode())
        assert len(scalar(connection, query)) == 1, created
        connection.execute(f"DROP {dropped}".encode())
        assert scalar(connection, query) == [], dropped


def test_a_reader_is_not_waited_for(connection: Connection, commands: Commands) -> None:
    """The data come, the view is as before, the warning names the reader; next time it is done."""
    night(connection, commands, definition(5, "a"), leads=[lead(1)])

    with reading(connection) as pid:
        warned = night(connection, commands, definition(6, "b"))
        assert list(columns(connection)) == ["a"]

    assert f"mart.leads could not be changed: it is being read by pid {pid} (report)" in warned
    assert scalar(connection, "SELECT count(*) FROM amo.custom_fields") == 2
    assert commands.ok("transform").err == ""
    assert list(columns(connection)) == ["a", "b"]


def test_a_view_of_somebody_else_stops_nothing(connection: Connection, commands: Commands) -> None:
    """Somebody made a table of that name: a warning, and the data come all the same."""
    connection.execute("CREATE TABLE mart.leads (id int)")
    connection.execute("COMMENT ON TABLE mart.leads IS 'mine'")
    stage_run(connection, [("leads", [lead(1)])])

    warned = commands.ok("transform").err

    assert '"leads" is not a view' in warned
    assert scalar(connection, "SELECT count(*) FROM amo.leads") == 1


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
    before = identity(connection)[0]

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
    assert identity(connection)[0] == before

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
        "SELECT count(*) FROM mart.leads JOIN mart.funnel USING (account_id, pipeline_id, status_id)"
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
