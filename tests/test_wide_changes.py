"""The wide views when fields come, go and change, and others use the views meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg import sql

from loader import sqlfiles, transform
from loader.db import Connection, scalar
from tests.support.commands import Commands
from tests.support.staged import field_value, lead, stage_run
from tests.support.wide import columns, definition, fields, night, values


def identity(connection: Connection) -> tuple[Any, ...]:
    """Another one for any statement that touched the view."""
    row = connection.execute(
        "SELECT c.oid, c.xmin::text, r.xmin::text, c.relacl::text FROM pg_class c"
        " JOIN pg_rewrite r ON r.ev_class = c.oid WHERE c.oid = 'mart.leads'::regclass"
    ).fetchone()
    assert row is not None
    return row


def note_deleted(connection: Connection, number: int) -> None:
    """As a load does when amoCRM, asked for it by id, does not have it any more."""
    run = stage_run(connection, [])
    connection.execute(
        "INSERT INTO ops.deletions (run_id, stream, entity_id)"
        " VALUES (%s, 'leads_custom_fields', %s)",
        (run, str(number)),
    )


@pytest.fixture
def role(connection: Connection) -> Iterator[Callable[[str], str]]:
    """Makes roles for one test; the server is shared and may be somebody's own."""
    made: list[str] = []

    def make(name: str) -> str:
        made.append(f"{name}_{connection.info.dbname}")
        connection.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(made[-1])))
        return made[-1]

    yield make
    for name in made:
        connection.execute(sql.SQL("DROP OWNED BY {} CASCADE").format(sql.Identifier(name)))
        connection.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))


def grants(connection: Connection, *statements: LiteralString, **roles: str) -> None:
    for statement in statements:
        names = {key: sql.Identifier(name) for key, name in roles.items()}
        connection.execute(sql.SQL(statement).format(**names))


def acl(connection: Connection) -> list[tuple[Any, ...]]:
    """Who may do what with the view and its columns."""
    return connection.execute(
        "SELECT a.attname, g.grantee::regrole::text, g.privilege_type, g.is_grantable"
        " FROM (SELECT NULL AS attname, relacl AS acl FROM pg_class"
        "  WHERE oid = 'mart.leads'::regclass UNION ALL SELECT attname, attacl"
        "  FROM pg_attribute WHERE attrelid = 'mart.leads'::regclass) a,"
        " aclexplode(a.acl) g ORDER BY 1, 2, 3"
    ).fetchall()


@contextmanager
def reading(connection: Connection) -> Iterator[int]:
    """A session in the middle of a transaction that has read mart.leads; yields its pid."""
    password = connection.info.password  # which dsn leaves out
    with psycopg.connect(
        connection.info.dsn, password=password, application_name="report"
    ) as reader:
        reader.execute("SELECT FROM mart.leads")
        yield reader.info.backend_pid


def test_a_new_field_is_appended(connection: Connection, role: Callable[[str], str]) -> None:
    """Also one with an older id and an equal name: no column moves or changes its name."""
    fields(connection, definition(5, "a"), definition(6, "b"))
    before = identity(connection)
    connection.execute("CREATE VIEW public.mine AS SELECT a, b FROM mart.leads")
    reader = role("reader")
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


def test_a_renamed_field_renames_its_column(
    connection: Connection, role: Callable[[str], str]
) -> None:
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
    reader = role("reader")
    grants(connection, "GRANT SELECT (a) ON mart.leads TO {r}", r=reader)

    fields(connection, definition(5, "b"), definition(6, "a"))
    assert values(connection, "a", "b") == [("6", "5")]
    fields(connection, definition(5, "новое"), definition(6, "a"))

    assert list(columns(connection)) == ["новое", "a"]
    assert values(connection, "новое", "a") == [("5", "6")]
    assert identity(connection)[0] == oid
    assert connection.execute("SELECT a, b FROM public.mine").fetchall() == [("5", "6")]
    assert ("новое", reader, "SELECT", False) in acl(connection)


def test_a_deleted_field_loses_its_column(
    connection: Connection, role: Callable[[str], str]
) -> None:
    """The view is made anew with owner, options and grants, those on columns included."""
    fields(connection, definition(5, "a"), definition(6, "b"))
    owner, reader, boss = (role(name) for name in ("owner", "reader", "boss"))
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


def test_a_new_column_of_every_account_takes_the_name(connection: Connection) -> None:
    """An edited file never costs the night, whatever the fields are called."""
    one = lead(1, visitor_uid="v", custom_fields_values=[field_value(7, "text", "f")])
    fields(connection, definition(7, "visitor_uid"), leads=[one])
    assert values(connection, "visitor_uid") == [("f",)]
    file = next(f for f in sqlfiles.find("transforms/4_mart") if f.stem == "leads")
    edited = file.text.replace(b"lead.score,", b"lead.score, lead.visitor_uid,")

    connection.execute(edited)

    assert values(connection, "visitor_uid", "visitor_uid (7)") == [("v", "f")]
