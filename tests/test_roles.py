"""contrib/roles.sql: the whole job, with no more rights than it needs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import psycopg
import pytest

from loader import db
from loader.db import Connection, scalar
from sandbox import process
from sandbox.process import Sandbox
from tests.conftest import for_account
from tests.support import roles
from tests.support.commands import Commands
from tests.support.roles import LOADER, OWNER, PASSWORD, READER, ROLES, TRANSFORMER
from tests.support.truth import assert_equal_to
from tests.support.waiting import wait_for_pages
from tests.test_bad_input import assert_explains
from tests.test_oauth import SECRET, commands_for

SCHEMAS = "'staging', 'amo', 'mart', 'ops'"
CHANGES = {
    "update": {"leads": 6, "contacts": 5, "companies": 2, "tasks": 3},
    "insert": {"leads": 2, "contacts": 2, "leads/notes": 3},
    "delete": {"leads": 2, "contacts": 1, "tasks": 1},
}
WRITES = ("INSERT", "UPDATE", "DELETE", "TRUNCATE")


@pytest.fixture
def installed(empty_dsn: str) -> Iterator[str]:
    """A database as contrib/README.md makes it: roles, migrations by their owner, roles again."""
    with roles.made(empty_dsn):
        roles.apply(empty_dsn)
        Commands({"AMO_DSN": roles.login(empty_dsn, TRANSFORMER)}).ok("migrate", "up")
        roles.apply(empty_dsn)
        yield empty_dsn


@pytest.fixture
def administrator(installed: str) -> Iterator[Connection]:
    with db.connect(installed, command="test") as connection:
        yield connection


@pytest.fixture
def spoilt() -> Iterator[Sandbox]:
    """An account of this test's own, with values that fit no type."""
    with process.start("--companies", "60", "--seed", "7", "--poison", "12") as account:
        yield account


def as_role(role: str, dsn: str, account: Sandbox) -> Commands:
    return for_account(roles.login(dsn, role), account)


def silent(commands: Commands, *arguments: str) -> None:
    """The command succeeds and has nothing to warn of."""
    result = commands.ok(*arguments)
    assert result.out + result.err == ""


def test_two_nights(installed: str, administrator: Connection, spoilt: Sandbox) -> None:
    """Loads by one role, transforms by the other: full, incremental, chosen, continued."""
    loader = as_role(LOADER, installed, spoilt)
    transformer = as_role(TRANSFORMER, installed, spoilt)
    loader.ok("load")
    transformer.ok("transform")
    assert_equal_to(spoilt, administrator)
    assert scalar(administrator, "SELECT count(*) FROM ops.rejects") > 0

    spoilt.control("clock", {"advance": 8 * 3600})
    spoilt.control("mutate", CHANGES)
    spoilt.control("clock", {"advance": 60})
    loader.ok("load", "--mode", "incremental")
    silent(transformer, "transform")
    assert_equal_to(spoilt, administrator)
    assert scalar(administrator, "SELECT count(*) FROM amo.leads WHERE deleted_at IS NOT NULL") == 2

    loader.ok("load", "--companies", "since:2020-01-01")
    silent(transformer, "transform")
    spoilt.control("mutate", CHANGES)
    silent(transformer, "refresh")
    assert_equal_to(spoilt, administrator)
    assert_all_owned(administrator)


def test_continued(installed: str, administrator: Connection, spoilt: Sandbox) -> None:
    """After a kill, and after a crash of the server that emptied staging."""
    loader = as_role(LOADER, installed, spoilt)
    spoilt.control("settings", {"latency": "0.2:0.4"})
    load = loader.start("load")
    wait_for_pages(administrator, 12)
    load.kill()
    load.communicate()
    spoilt.control("settings", {"latency": "0:0"})
    assert loader.ok("load", "--json").json["resumed"] is True

    administrator.execute("TRUNCATE staging.pages, staging.epoch")
    assert loader.ok("load", "--json").json["resumed"] is True
    silent(as_role(TRANSFORMER, installed, spoilt), "transform")
    assert_equal_to(spoilt, administrator)


def test_oauth(installed: str, administrator: Connection) -> None:
    """Either role keeps the pair; nobody is told that the other one sees it."""
    with process.start("--companies", "10", "--client-secret", SECRET) as account:
        commands = commands_for(roles.login(installed, LOADER), account)
        other = roles.login(installed, TRANSFORMER)
        silent(commands, "load", "auth", "--code", "sandbox-code")
        for dsn in (commands.environment["AMO_DSN"], other, commands.environment["AMO_DSN"]):
            administrator.execute(
                "UPDATE ops.tokens SET refreshed_at = now() - interval '1 day',"
                " expires_at = now() + interval '1 minute'"
            )
            assert commands.ok("load", "--stream", "pipelines", AMO_DSN=dsn).err == ""
        assert commands.ok("load", "auth", "--status").err == ""
        assert commands.ok("load", "auth", "--status", AMO_DSN=other).err == ""


def test_readers(installed: str, administrator: Connection, spoilt: Sandbox) -> None:
    """Who is in amo_reader sees all that is for people, no token, and changes nothing."""
    as_role(LOADER, installed, spoilt).ok("load")
    as_role(TRANSFORMER, installed, spoilt).ok("transform", "--history")
    administrator.execute(f"CREATE ROLE amo_person LOGIN PASSWORD '{PASSWORD}' IN ROLE {READER}")
    try:
        with db.connect(roles.login(installed, "amo_person"), command="test") as person:
            for table in tables(person, "'amo', 'mart', 'ops'"):
                if table != "ops.tokens":
                    person.execute(f"SELECT * FROM {table}")
            person.execute("SELECT * FROM amo.documents_as_of(now())")
            for statement in (
                "SELECT FROM ops.tokens",
                "SELECT FROM staging.pages",
                "UPDATE amo.leads SET name = name",
                "CREATE VIEW mart.mine AS SELECT 1 AS one",
                "SET ROLE amo_owner",
            ):
                assert_denied(person, statement)
        assert allowed(administrator, "amo_person", WRITES) == set()
    finally:
        administrator.execute("DROP ROLE amo_person")


def test_the_loader_has_what_it_needs(installed: str, administrator: Connection) -> None:
    """It reads nothing made for people, and what it writes is not what others act by."""
    written = allowed(administrator, LOADER, WRITES)
    read = allowed(administrator, LOADER, ["SELECT"])
    assert {name for name in written if name.startswith("staging.")} == {
        "staging.pages", "staging.epoch"
    }  # fmt: skip
    assert {name for name in read | written if name.startswith(("amo.", "mart."))} == {
        "amo.documents", "amo.custom_fields", "amo.custom_field_enums"
    }  # fmt: skip
    assert not {
        "ops.migrations", "ops.tuning_journal", "ops.tuning_holders", "ops.transforms",
        "amo.documents",
    } & written  # fmt: skip
    with db.connect(roles.login(installed, LOADER), command="test") as loader:
        for statement in (
            "SELECT FROM mart.funnel",
            "DROP TABLE staging.pages",
            "ALTER TABLE staging.pages ADD COLUMN mine text",
            "CREATE TABLE staging.mine (one integer)",
            "CREATE TRIGGER mine BEFORE UPDATE ON ops.runs"
            " EXECUTE FUNCTION suppress_redundant_updates_trigger()",
            "SET ROLE amo_owner",
        ):
            assert_denied(loader, statement)


def test_no_role_has_power_over_the_server(installed: str, administrator: Connection) -> None:
    """None may do more than own the four schemas, and only two may log in."""
    rows = administrator.execute(
        "SELECT rolname, rolcanlogin, rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication"
        " OR rolbypassrls, EXISTS (SELECT FROM pg_database WHERE datdba = pg_roles.oid),"
        " has_database_privilege(oid, current_database(), 'CREATE')"
        " FROM pg_roles WHERE rolname = ANY (%s) ORDER BY 1",
        (list(ROLES),),
    ).fetchall()

    assert rows == [
        (name, name in (LOADER, TRANSFORMER), False, False, False) for name in sorted(ROLES)
    ]
    assert_all_owned(administrator)


def test_a_database_that_another_role_has_made(
    first_night: Commands, own_account: Sandbox, connection: Connection, dsn: str
) -> None:
    """It is handed over with all that is in it, and a new table is opened to readers."""
    with roles.made(dsn):
        assert_all_owned(connection)
        own_account.control("mutate", CHANGES)
        as_role(LOADER, dsn, own_account).ok("load")
        silent(as_role(TRANSFORMER, dsn, own_account), "transform")
        assert_equal_to(own_account, connection)
        with db.connect(roles.login(dsn, TRANSFORMER), command="test") as transformer:
            transformer.execute("CREATE TABLE ops.later (one integer)")
        may = "SELECT has_table_privilege('amo_reader', 'ops.later', 'SELECT')"
        assert scalar(connection, may) is True


def test_without_a_superuser(empty_dsn: str) -> None:
    """A role that creates roles and owns the database can do it, and is no owner afterwards."""
    with db.connect(empty_dsn, command="test") as connection:
        name = connection.info.dbname
        connection.execute(f"CREATE ROLE amo_dba LOGIN CREATEROLE PASSWORD '{PASSWORD}'")
        connection.execute(f'ALTER DATABASE "{name}" OWNER TO amo_dba')
        connection.execute(f'REVOKE ALL ON DATABASE "{name}" FROM public')
        try:
            with roles.made(empty_dsn, roles.login(empty_dsn, "amo_dba")):
                transformer = roles.login(empty_dsn, TRANSFORMER)
                Commands({"AMO_DSN": transformer}).ok("migrate", "up")
                # The second time it creates nothing, so that the owner may do it.
                roles.apply(transformer)
                assert_all_owned(connection)
                assert "ops.runs" in allowed(connection, LOADER, WRITES)
                member = "SELECT pg_has_role('amo_dba', 'amo_owner', 'USAGE')"
                assert scalar(connection, member) is False
        finally:
            connection.execute(f'ALTER DATABASE "{name}" OWNER TO current_user')
            connection.execute("DROP OWNED BY amo_dba")
            connection.execute("DROP ROLE amo_dba")


def test_rights_that_are_missing(empty_dsn: str, account: Sandbox) -> None:
    """A load before the migrations, or before the grants, says what to do."""
    with roles.made(empty_dsn):
        loader = as_role(LOADER, empty_dsn, account)
        assert_explains(loader.run("load"), 3, "must be owner of schema", "contrib/roles.sql")
        as_role(TRANSFORMER, empty_dsn, account).ok("migrate", "up")
        assert_explains(loader.run("load"), 3, "permission denied", "contrib/roles.sql")
        roles.apply(empty_dsn)
        silent(loader, "load")


def test_a_load_beside_a_tuning(installed: str, account: Sandbox) -> None:
    """What bin/tune has switched off is no business of the role that only loads."""
    transformer = as_role(TRANSFORMER, installed, account)
    transformer.ok("tune", "apply", "--table", "leads")
    silent(as_role(LOADER, installed, account), "load")
    transformer.ok("tune", "revert")


def tables(connection: Connection, schemas: str) -> list[str]:
    rows = connection.execute(
        "SELECT oid::regclass::text FROM pg_class WHERE relkind IN ('r', 'v') AND relnamespace"
        f" = ANY (ARRAY[{schemas}]::regnamespace[])".encode()
    )
    return [str(name) for (name,) in rows]


def allowed(connection: Connection, role: str, rights: Sequence[str]) -> set[str]:
    """Tables and views on which a role has one of the rights."""
    rows = connection.execute(
        "SELECT oid::regclass::text FROM pg_class WHERE relkind IN ('r', 'v')"
        " AND relnamespace = ANY (ARRAY['staging', 'amo', 'mart', 'ops']::regnamespace[])"
        " AND has_table_privilege(%s, oid, %s)",
        (role, ", ".join(rights)),
    )
    return {str(name) for (name,) in rows}


def assert_denied(connection: Connection, statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement.encode())


def assert_all_owned(connection: Connection) -> None:
    """All in the four schemas, and they, belong to amo_owner."""
    foreign = connection.execute(
        f"SELECT nspname FROM pg_namespace WHERE nspname IN ({SCHEMAS})"
        f" AND nspowner <> '{OWNER}'::regrole UNION ALL SELECT relname FROM pg_class"
        f" WHERE relnamespace = ANY (ARRAY[{SCHEMAS}]::regnamespace[])"
        f" AND relowner <> '{OWNER}'::regrole UNION ALL SELECT proname FROM pg_proc"
        f" WHERE pronamespace = ANY (ARRAY[{SCHEMAS}]::regnamespace[])"
        f" AND proowner <> '{OWNER}'::regrole UNION ALL SELECT typname FROM pg_type"
        f" WHERE typnamespace = ANY (ARRAY[{SCHEMAS}]::regnamespace[])"
        f" AND typowner <> '{OWNER}'::regrole".encode()
    ).fetchall()
    assert foreign == []
