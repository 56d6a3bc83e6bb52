"""bin/tune indexes on real tables: each finding, its statements pasted, and nothing written."""

from __future__ import annotations

import time
from typing import Any

import psycopg
import pytest

from loader import db
from loader.db import Connection, scalar
from tests.support.commands import Commands
from tests.test_tune_advise import plain_role
from tuning import index_findings, index_missing, indexes, statements

ROWS = 20_000


def found(commands: Commands, kind: str, *arguments: str) -> dict[str, Any]:
    document = commands.ok("tune", "indexes", "--json", *arguments).json
    assert document["schema"] == "amo-tune/indexes/1"
    return {row["object"]: row for row in document["findings"] if row["kind"] == kind}


def words(commands: Commands, *arguments: str, **more: str) -> str:
    """The text, wherever its lines end."""
    return " ".join(commands.ok("tune", "indexes", *arguments, **more).out.split())


def large_table(connection: Connection) -> None:
    """A DBA's own table and view: one call in 20,000 belongs to a number."""
    connection.execute(
        "CREATE TABLE amo.calls (account_id bigint, id bigint PRIMARY KEY, number text, kind text)"
    )
    connection.execute(
        "INSERT INTO amo.calls SELECT 1, n, 'no ' || n, 'in' FROM generate_series(1, %s) AS n",
        (ROWS,),
    )
    connection.execute("ANALYZE amo.calls")
    connection.execute(
        "CREATE VIEW mart.calls_of_one AS"
        " SELECT id FROM amo.calls WHERE number = 'no 7' AND kind = 'in'"
    )


def test_nothing_to_do(loaded: Commands, connection: Connection) -> None:
    """What we ship has no finding; every statement has a plan."""
    document = loaded.ok("tune", "indexes", "--json").json
    text = loaded.ok("tune", "indexes").out

    assert document["findings"] == []
    assert document["left_out"] == []
    assert "nothing to do: " in text
    assert max(map(len, text.splitlines())) <= 80
    sources = {row["source"]: row for row in document["statements"]}
    assert sources["mart.leads by id"]["chosen"]
    assert sources["mart.leads by id"]["ms"] is not None
    merge = next(row for name, row in sources.items() if "3_merge/leads" in name)
    assert merge["ms"] is None
    by_name = {row["name"]: row for row in document["indexes"]}
    assert by_name["documents_pkey"]["usable_by"] > 0


def test_splitting(connection: Connection) -> None:
    """Each file has statements with a plan, but for those that call a function or empty a table."""
    split = list(statements.of_files(connection))
    sources = {statement.source.partition(".sql")[0] for statement in split}

    for step in ("1_explode/documents", "3_merge/leads", "4_derive/company_clusters"):
        assert f"sql/transforms/{step}" in sources
    explode = [s for s in split if "1_explode/documents.sql" in s.source]
    # INSERT items, rejects, changes; MERGE; INSERT counters, changes; UPDATE.
    assert len(explode) == 7
    assert not any(statement.may_run for statement in explode)


def test_invalid(loaded: Commands, connection: Connection) -> None:
    """Left by a failed CREATE UNIQUE INDEX CONCURRENTLY; gone by the statement that is printed."""
    with pytest.raises(psycopg.errors.UniqueViolation):
        connection.execute(
            "CREATE UNIQUE INDEX CONCURRENTLY leads_account ON amo.leads (account_id)"
        )

    finding = found(loaded, "invalid")["amo.leads_account"]

    assert finding["statements"][0] == 'DROP INDEX CONCURRENTLY "amo"."leads_account";'
    connection.execute(finding["statements"][0])
    assert not found(loaded, "invalid")


def test_duplicates(loaded: Commands, connection: Connection) -> None:
    """The same, and a prefix; not a unique one, another order, condition or operator class."""
    for name, rest in {
        "same_as_key": "(account_id, id)",
        "prefix": "(account_id)",
        "name_one": "(name)",
        "name_two": "(name)",
        "other_order": "(account_id DESC)",
        "other_condition": "(account_id) WHERE price > 0",
        "other_class": "(name text_pattern_ops)",
        "with_payload": "(account_id) INCLUDE (name)",
    }.items():
        connection.execute(f"CREATE INDEX {name} ON amo.leads {rest}")
    connection.execute("CREATE UNIQUE INDEX unique_twice ON amo.leads (account_id, id)")

    findings = found(loaded, "duplicate")

    assert set(findings) == {
        "amo.same_as_key", "amo.prefix", "amo.name_two", "amo.unique_twice",
    }  # fmt: skip
    for finding in findings.values():
        connection.execute(*finding["statements"])
    assert not found(loaded, "duplicate")
    assert scalar(connection, "SELECT to_regclass('amo.leads_pkey') IS NOT NULL")


def test_missing(loaded: Commands, connection: Connection) -> None:
    """By the rule: the selective column, and not the one with a single value."""
    large_table(connection)

    findings = found(loaded, "missing")

    assert set(findings) == {"amo.calls"}
    assert f"all {ROWS:,} rows of amo.calls for 1 of them" in findings["amo.calls"]["why"]
    (statement,) = findings["amo.calls"]["statements"]
    assert statement == 'CREATE INDEX CONCURRENTLY ON "amo"."calls" ("number");'
    connection.execute(statement)
    connection.execute("ANALYZE amo.calls")
    document = loaded.ok("tune", "indexes", "--json").json
    assert document["findings"] == []
    by_name = {row["name"]: row for row in document["indexes"]}
    assert by_name["calls_number_idx"]["chosen_by"] > 0


def test_hypopg(loaded: Commands, connection: Connection) -> None:
    """Where it is installed the planner is asked; nothing is left of the question."""
    if not scalar(connection, "SELECT count(*) FROM pg_available_extensions WHERE name = 'hypopg'"):
        pytest.skip("this server has no HypoPG")
    connection.execute("CREATE SCHEMA tools")
    connection.execute("CREATE EXTENSION hypopg SCHEMA tools")
    large_table(connection)

    finding = found(loaded, "missing")["amo.calls"]

    assert finding["why"].endswith(" % (HypoPG)")
    assert finding["statements"] == ['CREATE INDEX CONCURRENTLY ON "amo"."calls" ("number");']


def test_not_selective(loaded: Commands, connection: Connection) -> None:
    """A filter that keeps most rows, and one with OR, want no index."""
    large_table(connection)
    connection.execute(
        "CREATE OR REPLACE VIEW mart.calls_of_one AS SELECT id FROM amo.calls WHERE kind = 'in'"
    )
    connection.execute(
        "CREATE VIEW mart.calls_or AS SELECT id FROM amo.calls"
        " WHERE number = 'no 7' OR kind = 'out'"
    )

    assert not found(loaded, "missing")


def test_lost(loaded: Commands, connection: Connection) -> None:
    """An index of the migrations that somebody dropped; under another name it counts."""
    connection.execute("DROP INDEX amo.documents_changed_run")

    finding = found(loaded, "missing")["amo.documents"]
    assert finding["statements"] == [
        "CREATE INDEX CONCURRENTLY documents_changed_run ON amo.documents (changed_run);"
    ]

    connection.execute("CREATE INDEX by_run ON amo.documents (changed_run)")
    assert not found(loaded, "missing")


def test_shipped_all_exist(connection: Connection) -> None:
    """The pattern finds what the migrations made, all of it."""
    there = indexes.indexes(connection)
    made = {row.key for row in there if not row.is_kept}

    assert {wanted.key for wanted in index_missing.shipped()} == made


def test_unused(loaded: Commands, connection: Connection) -> None:
    """Not while statistics are young; then the plain one, never a unique one or one of ours."""
    connection.execute("CREATE INDEX idle ON amo.leads (score)")
    connection.execute("CREATE UNIQUE INDEX idle_unique ON amo.leads (id, score)")

    assert not found(loaded, "unused")
    assert "too young to call an index unused" in words(loaded)
    there = indexes.indexes(connection)
    shipped = {wanted.key for wanted in index_missing.shipped()}
    # No test waits a week.
    old = list(index_findings.unused(connection, there, set(), shipped, 7.5))
    assert [finding.object for finding in old] == ["amo.idle"]
    connection.execute(old[0].statements[0].encode())
    assert not list(
        index_findings.unused(connection, indexes.indexes(connection), set(), shipped, 7.5)
    )


def test_hot(loaded: Commands, connection: Connection) -> None:
    """An index on what changes is named; full pages want room."""
    connection.execute("CREATE TABLE amo.seen (id bigint PRIMARY KEY, at bigint, note text)")
    connection.execute("ALTER TABLE amo.seen SET (fillfactor = 40)")
    connection.execute("CREATE INDEX seen_at ON amo.seen (at)")
    connection.execute("INSERT INTO amo.seen SELECT n, n, 'x' FROM generate_series(1, 2000) AS n")
    connection.execute("CREATE TABLE amo.full_pages (id bigint PRIMARY KEY, note text)")
    connection.execute(
        "INSERT INTO amo.full_pages SELECT n, repeat('x', 100) FROM generate_series(1, 2000) AS n"
    )
    connection.execute("UPDATE amo.seen SET at = at + 1")
    connection.execute("UPDATE amo.full_pages SET note = note || 'y'")
    connection.execute("SELECT pg_stat_force_next_flush()")

    findings = found(loaded, "hot")

    assert "seen_at (at)" in findings["amo.seen"]["why"]
    if connection.info.server_version >= 160000:
        assert findings["amo.seen"]["statements"] == []
        assert "no room" in findings["amo.full_pages"]["why"]
    connection.execute(*findings["amo.full_pages"]["statements"])


_STATE = """
    SELECT
        (SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables),
        (SELECT sum(pg_relation_size(oid)) FROM pg_class WHERE relkind IN ('r', 'i')),
        (SELECT jsonb_agg(xmin::text ORDER BY oid) FROM pg_class),
        (SELECT jsonb_agg(xmin::text ORDER BY ctid) FROM amo.documents),
        (SELECT count(*) FROM ops.runs)
"""


def test_writes_nothing(loaded: Commands, connection: Connection, dsn: str) -> None:
    """Counters, sizes and versions of rows are as before."""
    connection.execute("VACUUM (ANALYZE)")
    connection.execute("SELECT pg_stat_force_next_flush()")
    before = connection.execute(_STATE).fetchone()

    loaded.ok("tune", "indexes")

    with db.connect(dsn, command="test") as other:
        assert other.execute(_STATE).fetchone() == before


def test_a_view_that_writes(loaded: Commands, connection: Connection) -> None:
    """Is stopped by the transaction, and said."""
    connection.execute("CREATE TABLE ops.touched (n integer)")
    connection.execute(
        "CREATE FUNCTION ops.touch() RETURNS integer LANGUAGE sql"
        " AS 'INSERT INTO ops.touched VALUES (1) RETURNING n'"
    )
    connection.execute("CREATE VIEW mart.writer AS SELECT ops.touch() AS n")

    text = words(loaded)

    stopped = text.partition("planned but not run, for they write: ")[2]
    assert "mart.writer as a whole" in stopped
    assert scalar(connection, "SELECT count(*) FROM ops.touched") == 0


def test_timeout(loaded: Commands, connection: Connection) -> None:
    """A view that takes 60 s is stopped and planned instead."""
    connection.execute("CREATE VIEW mart.slow AS SELECT 1 AS one FROM pg_sleep(60)")

    started = time.monotonic()
    document = loaded.ok("tune", "indexes", "--timeout", "1", "--json").json

    assert time.monotonic() - started < 40
    by_source = {row["source"]: row for row in document["statements"]}
    assert by_source["mart.slow as a whole"]["stopped_by"] == "57014"
    assert by_source["mart.slow as a whole"]["ms"] is None
    assert not by_source["mart.leads as a whole"]["stopped_by"]
    assert "for they take longer than --timeout: mart.slow" in words(loaded, "--timeout", "1")


def test_reader(loaded: Commands, connection: Connection, dsn: str) -> None:
    """A role that may only read gets the mart and the catalogs, and is told what is left out."""
    rights = (
        "GRANT USAGE ON SCHEMA staging, amo, mart, ops TO {}",
        "GRANT SELECT ON ALL TABLES IN SCHEMA amo, mart, ops TO {}",
    )
    connection.execute("CREATE INDEX prefix ON amo.leads (account_id)")
    with plain_role(connection, dsn, *rights) as (_, reader):
        text = words(loaded, AMO_DSN=reader)
        document = loaded.ok("tune", "indexes", "--json", AMO_DSN=reader).json

    assert "this role may not run them" in text
    assert [row["object"] for row in document["findings"]] == ["amo.prefix"]
    assert {row["sqlstate"] for row in document["left_out"]} == {"42501"}
    assert any(row["source"] == "mart.leads by id" for row in document["statements"])
