"""Migrations: each once, in order, never edited, readable by hand."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from loader import embedded, sqlfiles
from loader.db import Connection, scalar
from tests.support.commands import Commands
from tests.support.psql import psql

FILES = sqlfiles.find("migrations")


def test_names_are_numbered_and_unique() -> None:
    """NNNN_verb_object.sql; a number is never used twice."""
    numbers = [file.stem[:4] for file in FILES]

    assert all(re.fullmatch(r"\d{4}_[a-z]+_[a-z_]+", file.stem) for file in FILES)
    assert len(set(numbers)) == len(numbers)


def test_up_twice(empty_dsn: str) -> None:
    """The second time there is nothing to do."""
    commands = Commands({"AMO_DSN": empty_dsn})

    assert commands.run("migrate", "verify").code == 58
    planned = commands.ok("migrate", "up", "--dry-run").out
    first = commands.ok("migrate", "up", "-v").err
    second = commands.ok("migrate", "up", "-v").err

    assert planned.count("sql/migrations/") == len(FILES)
    assert first.count("applied ") == len(FILES)
    assert second == ""
    commands.ok("migrate", "verify")
    status = commands.ok("migrate", "status", "--json").json
    assert set(status["migrations"].values()) == {"applied"}


def test_psql_gives_the_same_schema(empty_dsn: str, dsn: str, tmp_path: Path) -> None:
    """By hand with psql or with bin/migrate: pg_dump cannot tell the difference."""
    for file in FILES:
        psql(empty_dsn, file)

    assert _dump(empty_dsn) == _dump(dsn)


def _dump(dsn: str) -> str:
    dump = subprocess.run(
        [embedded.binary("pg_dump"), "--schema-only", dsn],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    # A random word against injection, new in each dump.
    return re.sub(r"(?m)^\\(un)?restrict .*$", "", dump)


def test_migrations_by_hand_can_be_taken_over(empty_dsn: str) -> None:
    """Files that were run by hand are run again by bin/migrate without harm."""
    for file in FILES[:3]:
        psql(empty_dsn, file)

    Commands({"AMO_DSN": empty_dsn}).ok("migrate", "up")


def test_edited_migration_is_refused(commands: Commands, connection: Connection) -> None:
    """A file that is not what was applied stops load and transform."""
    connection.execute("UPDATE ops.migrations SET checksum = 'x' WHERE name LIKE '0002%'")

    for command in (("load",), ("transform",), ("migrate", "up"), ("migrate", "verify")):
        result = commands.run(*command)
        assert result.code == 58, result.err
        assert "0002_create_runs" in result.err


def test_newer_schema_is_refused(commands: Commands, connection: Connection) -> None:
    """An old program must not write into a new schema."""
    connection.execute(
        "INSERT INTO ops.migrations (name, checksum, version) VALUES ('9999_later', 'x', '9.0')"
    )

    result = commands.run("load")

    assert result.code == 58
    assert "newer than this version" in result.err


def test_pending_migration_names_the_command(commands: Commands, connection: Connection) -> None:
    """An older schema is not changed behind the DBA's back."""
    connection.execute("DELETE FROM ops.migrations WHERE name LIKE '0035%'")

    result = commands.run("load")

    assert result.code == 58
    assert "HINT: bin/migrate up" in result.err


def test_load_brings_an_empty_database_up(empty_dsn: str, commands: Commands) -> None:
    """The first load of a new database needs no other command before it."""
    commands.ok("load", "--stream", "users", AMO_DSN=empty_dsn)
    commands.ok("transform", AMO_DSN=empty_dsn)


def test_second_migration_at_once_is_refused(commands: Commands, connection: Connection) -> None:
    """It gives up at once and says so."""
    connection.execute("SELECT pg_advisory_lock(727000, 0)")

    assert commands.run("migrate", "up").code == 50


def test_every_object_has_a_comment(connection: Connection) -> None:
    """\\d+ explains every table, view, function and type."""
    silent = connection.execute(
        "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace"
        " WHERE nspname IN ('staging', 'amo', 'mart', 'ops') AND relkind IN ('r', 'v', 'm', 'c')"
        " AND obj_description(c.oid, 'pg_class') IS NULL AND (relkind <> 'c' OR"
        "  (SELECT obj_description(t.oid, 'pg_type') FROM pg_type t WHERE t.typrelid = c.oid)"
        "  IS NULL)"
        " UNION ALL SELECT p.oid::regprocedure::text FROM pg_proc p"
        " JOIN pg_namespace n ON n.oid = pronamespace"
        " WHERE nspname IN ('staging', 'amo', 'mart', 'ops')"
        " AND obj_description(p.oid, 'pg_proc') IS NULL"
        " UNION ALL SELECT nspname FROM pg_namespace n WHERE nspname IN"
        " ('staging', 'amo', 'mart', 'ops') AND obj_description(n.oid, 'pg_namespace') IS NULL"
    ).fetchall()

    assert silent == []


def test_entities_have_the_columns_of_the_contract(connection: Connection) -> None:
    """account_id, updated_at, deleted_at and changed_at on every entity table."""
    details = {"documents", "custom_field_values", "phones", "emails", "legal_ids"}
    details |= {"entity_tags", "links", "lead_status_changes"}
    details |= {"document_versions", "document_changes"}
    details |= {"company_clusters", "contact_clusters"}
    rows = connection.execute(
        "SELECT table_name, array_agg(column_name::text) FROM information_schema.columns"
        " WHERE table_schema = 'amo' GROUP BY table_name"
    ).fetchall()

    for table, columns in rows:
        if table not in details:
            missing = {"account_id", "updated_at", "deleted_at", "changed_at"} - set(columns)
            assert not missing, (table, missing)


def test_staging_is_unlogged(connection: Connection) -> None:
    """Nothing in staging writes WAL, nothing outside may vanish in a crash but the pace."""
    query = (
        "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace"
        " WHERE relkind = 'r' AND (nspname = 'staging') <> (relpersistence = 'u')"
        " AND nspname IN ('staging', 'amo', 'mart', 'ops') AND relname <> 'pace'"
    )
    assert scalar(connection, query) == 0
