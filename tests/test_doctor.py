"""bin/doctor: each check seen well and not well, by its real causes."""

from __future__ import annotations

import base64
import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from loader import config as configuration
from loader import db, doctor, locks
from loader.db import Connection, scalar
from loader.doctor import CHECKS, Finding, Scene, privileges
from loader.errors import AmoError
from sandbox import process
from sandbox.process import Sandbox
from tests.conftest import DRIVE, for_account
from tests.support.commands import ROOT, Commands, Result
from tests.support.servers import Server
from tests.test_bad_input import assert_explains, unused_port
from tests.test_tune import held
from tests.test_tune_advise import plain_role, scratch_server
from tests.test_tune_pooler import pooler
from tuning.plan import Wanted

ONLINE = {"token", "api", "clock", "user", "paid_filter"}


@pytest.fixture(scope="module")
def living() -> Iterator[Sandbox]:
    """The small account, whose clock is right."""
    now = str(int(time.time()))
    with process.start("--companies", "60", "--seed", "7", "--now", now, *DRIVE) as sandbox:
        yield sandbox


@pytest.fixture
def night(loaded: Commands, dsn: str, living: Sandbox) -> Commands:
    """The morning after: all is well."""
    assert loaded.environment["AMO_DSN"] == dsn
    return for_account(dsn, living)


def checks(result: Result) -> dict[str, dict[str, Any]]:
    """The findings by name; nothing but JSON was said."""
    assert "Traceback" not in result.err
    return {one["name"]: one for one in result.json["checks"]}


def look(connection: Connection, name: str, **settings: str) -> Finding:
    """One check on this connection, amoCRM not asked."""
    config = configuration.load(settings, {})
    [found] = doctor.examine(Scene(config, connection), doctor.choose([name], []))
    assert found.name == name
    return found


def assert_found(found: Finding, status: str, *words: str) -> None:
    assert found.status == status, found
    for word in words:
        assert word in f"{found.detail}\n{found.hint}", found
    assert status in ("OK", "SKIP") or found.hint


def assert_not_ok(one: dict[str, Any], status: str, *words: str) -> None:
    assert one["status"] == status, one
    assert one["hint"]
    for word in words:
        assert word in f"{one['detail']}\n{one['hint']}", one


def test_all_is_well(night: Commands) -> None:
    """One line for each check, in 80 columns, and exit 0."""
    result = night.ok("doctor")

    assert result.err == ""
    lines = result.out.splitlines()
    assert max(map(len, lines)) <= 80
    heads = [line.split()[:2] for line in lines if not line.startswith(" ")]
    assert [name for _, name in heads] == [check.name for check in CHECKS]
    # The disk of a container cannot be looked at.
    assert {name for status, name in heads if status != "OK"} <= {"drift", "durability", "disk"}
    assert "FAIL" not in result.out


def test_quiet(night: Commands) -> None:
    """cron hears only what is not well."""
    assert night.ok("doctor", "-q", "--skip", "durability").out == ""
    few = ("doctor", "-q", "--offline", "--check", "token", "--check", "schema")
    said = night.ok(*few, AMO_ACCESS_TOKEN=jwt(3.1)).out.splitlines()
    assert said[0] == "WARN  token           long-lived, ends in 3 days"
    assert all(line.startswith("      ") for line in said[1:])


def test_json(night: Commands) -> None:
    """All of it, for programs."""
    document = night.ok("doctor", "--json", "--skip", "durability").json

    assert (document["schema"], document["status"]) == ("amo-doctor/1", "OK")
    rejects = next(one for one in document["checks"] if one["name"] == "rejects")
    assert rejects["title"] == "The last transform could type what it was given"
    assert rejects["measures"]["rejects"] >= 0


def test_nagios(night: Commands, connection: Connection) -> None:
    """One line with figures; the exit codes of a plugin."""
    well = night.ok("doctor", "--nagios", "--skip", "durability")
    connection.execute("UPDATE ops.runs SET finished_at = now() - interval '30 hours'")
    warned = night.run("doctor", "--nagios", "--skip", "durability")
    connection.execute("UPDATE ops.runs SET finished_at = now() - interval '60 hours'")
    failed = night.run("doctor", "--nagios", "--offline")
    unknown = night.run("doctor", "--nagios", AMO_CONFIG="/nonexistent.toml")

    head, _, figures = well.out.strip().partition(" | ")
    assert head == f"AMO OK - {len(CHECKS) - 1} checks"
    names = {figure.partition("=")[0] for figure in figures.split()}
    assert names == {"age", "rejects", "staging"}
    assert ";93600;180000" in figures
    assert "\n" not in well.out.strip()
    assert (warned.code, failed.code, unknown.code) == (1, 2, 3)
    assert warned.out.startswith(f"AMO WARNING - 1 of {len(CHECKS) - 1} checks (last_success) | ")
    assert warned.out.splitlines()[1] == "WARN last_success: 30 h ago"
    assert failed.out.startswith("AMO CRITICAL - ")
    assert unknown.out.startswith("AMO UNKNOWN - the file named by AMO_CONFIG does not exist")
    assert [result.err for result in (well, warned, failed, unknown)] == [""] * 4


def test_max_age(night: Commands, connection: Connection) -> None:
    """Other nights, other limits."""
    connection.execute("UPDATE ops.runs SET finished_at = now() - interval '30 hours'")
    ages = {
        hours: checks(night.run("doctor", "--json", "--check", "last_success", "--max-age", hours))
        for hours in ("1", "20", "40")
    }
    statuses = [one["last_success"]["status"] for one in ages.values()]
    assert statuses == ["FAIL", "WARN", "OK"]


def test_wrong_call(night: Commands) -> None:
    """What does not exist is named, and what does is listed."""
    listed = night.ok("doctor", "--list").out.splitlines()
    assert [line.split()[0] for line in listed] == [check.name for check in CHECKS]
    assert max(map(len, listed)) <= 80
    assert_explains(night.run("doctor", "--check", "nothing"), 2, "DETAIL: nothing", "--list")
    assert_explains(night.run("doctor", "--skip", "nothing"), 2, "DETAIL: nothing")
    assert_explains(night.run("doctor", "--nagios", "--json"), 2, "not both")
    for hours in ("-1", "nan"):
        assert_explains(night.run("doctor", "--max-age", hours), 2, "--max-age")


def test_documented() -> None:
    """Every check has its place in the docs, and says when it is not well."""
    text = (ROOT / "docs/DOCTOR.md").read_text(encoding="utf-8")
    for check in CHECKS:
        assert f"| `{check.name}` |" in text, check.name
        assert check.title


def test_no_server(night: Commands) -> None:
    """The connection fails; what needs none is checked all the same."""
    result = night.run("doctor", "--json", AMO_DSN=f"host=127.0.0.1 port={unused_port()} dbname=x")
    found = checks(result)
    others = {one["status"] for name, one in found.items() if name not in ONLINE | {"connection"}}

    assert result.code == 1
    assert_not_ok(found["connection"], "FAIL", "cannot connect", "Connection refused")
    assert others == {"SKIP"}
    assert {found[name]["status"] for name in ONLINE} == {"OK"}


def test_no_server_is_told_to_nagios(night: Commands) -> None:
    """CRITICAL, not a false OK of all that was skipped."""
    result = night.run("doctor", "--nagios", AMO_DSN=f"host=127.0.0.1 port={unused_port()}")

    assert result.code == 2
    assert "CRITICAL" in result.out
    assert "FAIL connection" in result.out
    # Nor where it was not asked for.
    one = night.run("doctor", "--nagios", "--check", "waiting", AMO_DSN="host=/nonexistent")
    assert (one.code, one.out.splitlines()[0]) == (2, "AMO CRITICAL - 1 of 2 checks (connection)")


def test_no_connection_string(night: Commands) -> None:
    """What is in it is not shown."""
    result = night.run("doctor", "--offline", AMO_DSN="postgresql://u:canary@[bad/x")

    assert result.code == 1
    assert "FAIL  connection      AMO_DSN is not a connection string" in result.out
    assert "canary" not in result.out + result.err


def test_no_database_is_made(night: Commands, tmp_path: Path) -> None:
    """Who looks does not start the embedded server on an empty folder."""
    home = tmp_path / "home"
    result = night.run("doctor", "--offline", "-q", AMO_DSN="", AMO_HOME=str(home))

    assert result.code == 1
    assert "there is no database yet" in result.out
    assert not home.exists()


def test_lost_connection(connection: Connection, dsn: str) -> None:
    """The check that notices says so; the others have nothing to look at."""
    scene = Scene(configuration.load({}, {}), connection)
    with db.connect(dsn, command="test") as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", (connection.info.backend_pid,))

    found = doctor.examine(scene, doctor.choose(["server_version", "pooler"], []))

    assert [one.status for one in found] == ["FAIL", "SKIP"]
    assert "was lost" in found[0].detail


def test_empty_database(night: Commands, empty_dsn: str) -> None:
    """Before the first load: the server and the token can be checked already."""
    found = checks(night.ok("doctor", "--json", AMO_DSN=empty_dsn))

    assert found["schema"]["status"] == "OK"
    assert "the first bin/load creates it" in found["schema"]["detail"]
    assert found["waiting"]["status"] == "SKIP"
    # A monitor that looks at another database by mistake must notice.
    assert_not_ok(found["last_success"], "WARN", "nothing was loaded", "bin/refresh")
    assert {found[name]["status"] for name in ONLINE} == {"OK"}
    with db.connect(empty_dsn, command="test") as connection:
        assert scalar(connection, "SELECT to_regnamespace('ops')") is None


def test_empty_database_of_another(night: Commands, empty_dsn: str, connection: Connection) -> None:
    """A role that may not create schemas: no first load."""
    with plain_role(connection, empty_dsn) as (_, plain):
        found = checks(night.run("doctor", "--json", "--offline", AMO_DSN=plain))

    assert_not_ok(found["schema"], "FAIL", "may not create schemas", "GRANT CREATE ON DATABASE")


def test_older_schema(loaded: Commands, connection: Connection) -> None:
    """What is not there yet is skipped, not a fault of its own."""
    connection.execute("DELETE FROM ops.migrations WHERE name LIKE '0069%'")
    connection.execute("DROP VIEW ops.tuning_watchdog; ALTER TABLE ops.runs RENAME kind TO sort")

    result = loaded.run("doctor", "--json", "--offline")
    found = checks(result)

    assert result.code == 1
    assert_not_ok(found["schema"], "FAIL", "0069_create_tuning_journal", "bin/migrate up")
    for name in ("tuning", "waiting", "last_success"):
        assert found[name]["status"] == "SKIP"


# name, what breaks it, how it is called, words
BROKEN: tuple[tuple[str, LiteralString, str, str], ...] = (
    ("schema", "DELETE FROM ops.migrations WHERE name LIKE '0073%'", "FAIL", "bin/migrate up"),
    (
        "schema",
        "UPDATE ops.migrations SET checksum = 'x' WHERE name LIKE '0002%'",
        "FAIL",
        "edited after it was applied: 0002_create_runs",
    ),
    (
        "schema",
        "INSERT INTO ops.migrations (name, checksum, version) VALUES ('9999_x', 'x', '9')",
        "FAIL",
        "newer than this version; unknown here: 9999_x",
    ),
    ("secrets", "GRANT SELECT ON ops.tokens TO public", "WARN", "FROM PUBLIC"),
    ("stale_runs", "INSERT INTO ops.runs (kind, mode, account_id, pid) VALUES"
     " ('load', 'full', 11111111, 0)", "WARN", "nobody is: load"),
    ("stale_runs", "INSERT INTO ops.runs (kind, mode, pid) VALUES ('transform', 'transform', 0)",
     "WARN", "nobody is: transform"),
    ("stale_runs", "INSERT INTO ops.runs (kind, mode, pid) VALUES ('refresh', 'full', 0)",
     "WARN", "nobody is: refresh"),
    ("waiting", "UPDATE ops.runs SET transformed_by = NULL, finished_at = now() - interval '2 days'"
     " WHERE kind = 'load'", "WARN", "waits for a transform for 2 days"),
    ("last_runs", "UPDATE ops.runs SET status = 'failed', exit_code = 3, message = 'a check failed'"
     " WHERE kind = 'transform'", "WARN", "transform 2 failed [3]: a check failed"),
    ("last_success", "UPDATE ops.runs SET finished_at = now() - interval '30 hours'", "WARN",
     "30 h ago"),
    ("last_success", "UPDATE ops.runs SET finished_at = now() - interval '51 hours'", "FAIL",
     "2 days ago"),
    ("last_success", "UPDATE ops.runs SET mode = 'companies' WHERE kind = 'load'", "WARN",
     "nothing was loaded"),
    ("rejects", "INSERT INTO ops.rejects (run_id, stream, path, reason) SELECT 2, 'leads', 'price',"
     " 'no number' FROM generate_series(1, 500)", "WARN", "ops.rejects"),
    ("staging", "INSERT INTO staging.pages SELECT 1, 'leads', i, '{}', now(), (SELECT"
     " jsonb_agg(md5(i::text || n::text)) FROM generate_series(1, 2000) AS n)"
     " FROM generate_series(1, 400) AS i", "WARN", "of JSON"),
    ("drift", "DROP VIEW IF EXISTS ops.v_drift; CREATE VIEW ops.v_drift AS SELECT 'leads' AS stream"
     " UNION ALL SELECT 'tasks'", "WARN", "2 unknown keys"),
    ("tuning", "ALTER TABLE amo.leads SET (autovacuum_enabled = off)", "WARN",
     "foreign: autovacuum_enabled = off of amo.leads"),
    ("wraparound", "ALTER TABLE amo.leads SET (autovacuum_freeze_max_age = 100000);"
     " CREATE TEMPORARY TABLE burnt (x int); DO $$ BEGIN FOR i IN 1..112000 LOOP"
     " BEGIN INSERT INTO burnt VALUES (i); EXCEPTION WHEN OTHERS THEN NULL; END;"
     " END LOOP; END $$", "WARN", "amo.leads"),
)  # fmt: skip


@pytest.mark.usefixtures("loaded")
@pytest.mark.parametrize(("name", "cause", "status", "words"), BROKEN)
def test_in_the_database(
    connection: Connection, name: str, cause: str, status: str, words: str
) -> None:
    """Well before, and told with what to do after."""
    before = look(connection, name)
    assert before.status in ({"OK", "SKIP"} if name == "drift" else {"OK"}), before

    connection.execute(cause.encode())

    assert_found(look(connection, name), status, words)


def test_another_collation(server: Server) -> None:
    """The system sorts differently now than when the indexes were built."""
    name = f"amo_collation_{os.getpid()}"
    with psycopg.connect(server.dsn, autocommit=True) as other:
        provider = ""
        if other.info.server_version >= 170000:
            provider = "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'"
        other.execute(f"CREATE DATABASE {name} TEMPLATE template0 {provider}".encode())
        try:
            with db.connect(server.database(name), command="test") as connection:
                assert_found(look(connection, "encoding"), "OK", "UTF8")
                known = scalar(connection, "SELECT pg_database_collation_actual_version(oid)"
                               " FROM pg_database WHERE datname = current_database()")  # fmt: skip
                if known is None:
                    pytest.skip("the collation of this server has no version")
                connection.execute("UPDATE pg_database SET datcollversion = '0'"
                                   " WHERE datname = current_database()")  # fmt: skip
                assert_found(look(connection, "encoding"), "WARN", "REFRESH COLLATION VERSION")
        finally:
            other.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.mark.usefixtures("loaded")
def test_no_unknown_keys(connection: Connection) -> None:
    """A list that is empty is well."""
    connection.execute(
        "DROP VIEW IF EXISTS ops.v_drift; CREATE VIEW ops.v_drift AS SELECT 1 WHERE false"
    )
    assert_found(look(connection, "drift"), "OK")


@pytest.mark.usefixtures("loaded")
def test_disk(connection: Connection) -> None:
    """What is configured counts; else what is seen of this machine."""
    assert_found(look(connection, "disk", wal_space="100GB"), "OK", "--wal-space")
    assert_found(look(connection, "disk", wal_space="1kB"), "FAIL", "1 kB --wal-space", "a night")
    assert_found(look(connection, "disk", wal_space="much"), "FAIL", "much")
    most = scalar(connection, "SELECT sum(wal_bytes) FROM ops.transforms")
    tight = f"{int(most) * 3 // 2048}kB"
    assert_found(look(connection, "disk", wal_space=tight), "WARN")
    here = look(connection, "disk")
    assert here.status in ("OK", "SKIP")
    if here.status == "OK":
        connection.execute("UPDATE ops.pages SET bytes = 2147483647; INSERT INTO ops.pages SELECT"
            " run_id, stream, params, i, status, has_next, first_id, last_id, oldest, rows,"
            " skipped, bytes, sha256, requests, wait_ms, http_ms, copy_ms FROM ops.pages,"
            " generate_series(100001, 110000) AS i WHERE stream = 'account'")  # fmt: skip
        assert_found(look(connection, "disk"), "FAIL", "TB")


def test_disk_that_is_not_shown(loaded: Commands, connection: Connection, dsn: str) -> None:
    """A role that may not see where the data is: nothing to compare with, and no fault."""
    rights: tuple[LiteralString, ...] = (
        "GRANT USAGE ON SCHEMA ops TO {}", "GRANT SELECT ON ALL TABLES IN SCHEMA ops TO {}",
    )  # fmt: skip
    with (
        plain_role(connection, dsn, *rights) as (_, plain),
        db.connect(plain, command="test") as through,
    ):
        assert_found(look(through, "disk"), "SKIP", "AMO_WAL_SPACE")


def test_privileges(loaded: Commands, connection: Connection, dsn: str) -> None:
    """What would fail is told by command; grants are enough to load and transform."""
    assert_found(look(connection, "privileges"), "OK")
    reads: tuple[LiteralString, ...] = (
        "GRANT USAGE ON SCHEMA ops, amo, staging, mart TO {}",
        "GRANT SELECT ON ALL TABLES IN SCHEMA ops, amo, staging TO {}",
    )
    writes: tuple[LiteralString, ...] = (
        "GRANT CREATE ON SCHEMA mart TO {}",
        "GRANT ALL ON ALL TABLES IN SCHEMA ops, amo, staging TO {}",
    )
    with plain_role(connection, dsn, *reads) as (_, plain):
        with db.connect(plain, command="test") as through:
            found = look(through, "privileges")
        watched = checks(loaded.run("doctor", "--json", "--check", "privileges", AMO_DSN=plain))
        nagios = loaded.run("doctor", "--nagios", "--check", "privileges", AMO_DSN=plain)
    assert_found(found, "FAIL", "load lacks", "transform lacks", "run as the role that owns")
    assert "DELETE on amo." in found.detail
    assert watched["privileges"]["status"] == "FAIL"
    assert (nagios.code, nagios.out.splitlines()[0]) == (3, "AMO UNKNOWN - 1 checks")
    with plain_role(connection, dsn, *reads, *writes) as (role, plain):
        views = connection.execute("SELECT viewname FROM pg_views WHERE schemaname = 'mart'")
        for (view,) in views.fetchall():
            connection.execute(f'ALTER VIEW mart."{view}" OWNER TO {role}'.encode())
        with db.connect(plain, command="test") as through:
            found = look(through, "privileges")
        connection.execute(f"REASSIGN OWNED BY {role} TO CURRENT_USER".encode())
    assert_found(found, "WARN", "tune lacks to own amo.", "that is enough")
    assert "load lacks" not in found.detail


def test_no_more_is_asked_for(night: Commands, connection: Connection, dsn: str) -> None:
    """With just the privileges that the check is content with, load and transform work."""
    with plain_role(connection, dsn) as (role, plain):
        connection.execute(f"GRANT USAGE ON SCHEMA staging, amo, mart, ops TO {role};"
                           f" GRANT CREATE ON SCHEMA mart TO {role}".encode())  # fmt: skip
        for command, schema, relations, rights in privileges.NEEDS:
            if command in ("load", "transform") and schema != "mart":
                on = ", ".join(f"{schema}.{name}" for name in relations or [])
                on = on or f"ALL TABLES IN SCHEMA {schema}"
                connection.execute(f"GRANT {', '.join(rights)} ON {on} TO {role}".encode())
        connection.execute(f"REVOKE ALL ON ops.tokens, ops.migrations FROM {role};"
                           f" GRANT SELECT ON ops.migrations TO {role}".encode())  # fmt: skip
        views = connection.execute("SELECT viewname FROM pg_views WHERE schemaname = 'mart'")
        for (view,) in views.fetchall():
            connection.execute(f'ALTER VIEW mart."{view}" OWNER TO {role}'.encode())
        with db.connect(plain, command="test") as through:
            found = look(through, "privileges")
        results = [
            night.run(*command, AMO_DSN=plain)
            for command in (("load",), ("load", "--companies", "since:2020-01-01"), ("transform",))
        ]
        connection.execute(f"REASSIGN OWNED BY {role} TO CURRENT_USER".encode())
    assert_found(found, "WARN", "that is enough")
    assert [result.code for result in results] == [0] * 3, [result.err for result in results]


def test_read_only(loaded: Commands, dsn: str) -> None:
    """A load would fail; a monitor may be so."""
    read_only = make_conninfo(dsn, options="-c default_transaction_read_only=on")
    found = checks(loaded.run("doctor", "--json", "--offline", AMO_DSN=read_only))
    nagios = loaded.run("doctor", "--nagios", "--offline", "--skip", "durability",
                        AMO_DSN=read_only)  # fmt: skip

    assert_not_ok(found["writable"], "FAIL", "read-only", "connect to the primary")
    assert found["tuning"]["status"] == "OK"
    assert nagios.code == 0, nagios.out


def test_a_role_for_monitoring(loaded: Commands, connection: Connection, dsn: str) -> None:
    """The grants of docs/DOCTOR.md are enough, and it sees what is wrong."""
    text = (ROOT / "docs/DOCTOR.md").read_text(encoding="utf-8")
    block = text.partition("CREATE ROLE monitor LOGIN;")[2].partition("```")[0]
    with plain_role(connection, dsn) as (role, plain):
        connection.execute(block.replace("monitor;", f"{role};").encode())
        well = loaded.run("doctor", "--nagios", "--offline", "--skip", "durability", AMO_DSN=plain)
        assert (well.code, well.out.count("\n")) == (0, 1), well.out
        connection.execute("UPDATE ops.runs SET finished_at = now() - interval '3 days'")
        connection.execute("INSERT INTO ops.runs (kind, mode) VALUES ('transform', 'transform')")
        failed = loaded.run("doctor", "--nagios", "--offline", AMO_DSN=plain)
    assert failed.code == 2
    assert "FAIL last_success: 3 days ago" in failed.out
    # Its backend is this test's own, and alive.
    assert "stale_runs" not in failed.out
    with plain_role(connection, dsn) as (_, plain):
        blind = loaded.run("doctor", "--nagios", "--offline", AMO_DSN=plain)
    assert blind.code == 2
    assert "FAIL schema: PostgreSQL refused a statement: permission denied" in blind.out


def test_pooler(loaded: Commands, dsn: str, connection: Connection) -> None:
    """Sessions that are nobody's."""
    assert_found(look(connection, "pooler"), "OK")
    with pooler(dsn, "options,extra_float_digits") as pooled:
        result = loaded.run("doctor", "--json", "--offline", AMO_DSN=pooled)
        with db.connect(pooled, command="test") as through, pytest.raises(AmoError) as raised:
            doctor.raise_fatal(through, configuration.load({}, {}))
    assert result.code == 1
    assert_not_ok(checks(result)["pooler"], "FAIL", "through a pooler", "connect directly")
    assert raised.value.exit_code == 2


def test_settings_of_the_server(loaded: Commands) -> None:
    """What hurts is told; what is only good to know is told and no fault."""
    names = ("durability", "autovacuum", "io_timing")
    bad = {"fsync": "off", "full_page_writes": "off", "autovacuum": "off", "track_counts": "off",
           "track_io_timing": "on"}  # fmt: skip
    with scratch_server() as (dsn, _), db.connect(dsn, command="test") as connection:
        before = [look(connection, name) for name in names]
        for name, value in bad.items():
            connection.execute(f"ALTER SYSTEM SET {name} = {value}".encode())
        connection.execute("SELECT pg_reload_conf()")
        _wait(connection, "SELECT current_setting('fsync') = 'off'")
        after = [look(connection, name) for name in names]
        # For a clean end.
        connection.execute("ALTER SYSTEM RESET ALL")
        connection.execute("SELECT pg_reload_conf()")

    assert [one.status for one in before] == ["OK", "OK", "OK"]
    assert_found(after[0], "WARN", "fsync and full_page_writes off", "destroy")
    assert_found(after[1], "WARN", "autovacuum and track_counts off")
    assert_found(after[2], "OK", "track_io_timing on")


def _wait(connection: Connection, condition: LiteralString) -> None:
    deadline = time.monotonic() + 30
    while not scalar(connection, condition):
        assert time.monotonic() < deadline, condition
        time.sleep(0.05)


@pytest.mark.usefixtures("loaded")
def test_tuning_is_undone(connection: Connection, dsn: str, commands: Commands) -> None:
    """What a dead run left is undone and told; what cannot be is a failure."""
    with db.connect(dsn, command="test") as other:
        run = held(other, Wanted(("leads", "tasks")))
        run.__enter__()
        assert_found(look(connection, "tuning"), "OK", "held: ")
    with db.connect(dsn, command="test") as reader, reader.transaction():
        reader.execute("LOCK TABLE amo.leads IN ACCESS SHARE MODE; LOCK TABLE amo.tasks"
                       " IN SHARE UPDATE EXCLUSIVE MODE")  # fmt: skip
        stuck = look(connection, "tuning")
    assert_found(stuck, "FAIL", "orphaned: autovacuum_enabled = no of amo.tasks", "bin/tune revert")
    found = checks(commands.run("doctor", "--json", "--offline"))["tuning"]
    assert (found["status"], found["detail"]) == (
        "OK", "undone now: autovacuum_enabled of amo.tasks",
    )  # fmt: skip
    assert_found(look(connection, "tuning"), "OK", "nothing is left behind")


@pytest.mark.usefixtures("loaded")
def test_runs_that_run(connection: Connection, dsn: str) -> None:
    """Whose lock is held, or whose backend lives, is not stale."""
    with (
        db.connect(dsn, command="refresh") as other,
        db.connect(dsn, command="load") as load,
    ):
        locks.acquire(load, 11111111)
        other.execute(
            "INSERT INTO ops.runs (kind, mode, account_id) VALUES ('load', 'full', 11111111),"
            " ('transform', 'transform', NULL), ('refresh', 'full', 11111111)"
        )
        assert_found(look(connection, "stale_runs"), "OK", "3 running")
    _wait(connection, "SELECT count(*) = 1 FROM pg_stat_activity"
                      " WHERE datname = current_database()")  # fmt: skip
    assert_found(look(connection, "stale_runs"), "WARN", "load", "transform", "refresh")


@pytest.mark.usefixtures("loaded")
def test_backends(connection: Connection, dsn: str) -> None:
    """Left behind in a transaction, and blocked; while a run is at it, only the blocked ones."""
    old = (
        "SELECT count(*) = {} FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name LIKE 'amo-load/%' AND state_change < now() - interval '2 seconds'"
    )
    with (
        db.connect(dsn, command="load") as left,
        db.connect(dsn, command="load") as blocked,
    ):
        assert_found(look(connection, "backends"), "OK")
        blocker = left.info.backend_pid
        left.execute("BEGIN; LOCK TABLE amo.leads")
        blocked.execute("SET lock_timeout = 0")
        thread = threading.Thread(target=_refused, args=(blocked,))
        thread.start()
        _wait(connection, old.format(2))
        found = look(connection, "backends")
        connection.execute("INSERT INTO ops.runs (kind, mode) VALUES ('transform', 'transform')")
        running = look(connection, "backends")
        left.execute("ROLLBACK")
        thread.join()
    assert_found(found, "WARN", "is idle in a transaction",
                 f"is blocked by pid {blocker}", "pg_terminate_backend")  # fmt: skip
    assert_found(running, "WARN", "is blocked by")
    assert "idle in a transaction" not in running.detail


def _refused(connection: Connection) -> None:
    connection.execute("SELECT count(*) FROM amo.leads")


def test_fatal(loaded: Commands, connection: Connection, dsn: str) -> None:
    """The few that bin/refresh asks before it begins: exit code of the first, all in DETAIL."""
    config = configuration.load({}, {})
    assert doctor.fatal(connection, config) == []
    doctor.raise_fatal(connection, config)
    started = time.monotonic()
    doctor.fatal(connection, config)
    assert time.monotonic() - started < 0.5  # 0.02 s on a machine of its own

    connection.execute("DELETE FROM ops.migrations WHERE name LIKE '0073%'")
    tight = configuration.load({"wal_space": "1kB"}, {})
    names = [found.name for found in doctor.fatal(connection, tight)]
    with pytest.raises(AmoError) as raised:
        doctor.raise_fatal(connection, tight)

    assert names == ["schema", "disk"]
    assert raised.value.exit_code == 58
    assert "schema: older than this version" in raised.value.detail
    assert "disk: 1 kB" in raised.value.detail
    assert "bin/migrate up" in raised.value.hint


@pytest.mark.parametrize(
    ("settings", "cause", "code"),
    [
        ({"wal_space": "1kB"}, "SELECT 1", 75),
        ({}, "SET default_transaction_read_only = on", 3),
        ({}, "SET ROLE pg_monitor", 3),
    ],
)
def test_exit_code_of_what_is_fatal(
    loaded: Commands, connection: Connection, settings: dict[str, str | None], cause: str, code: int
) -> None:
    """Each maps to what the night would have ended with."""
    connection.execute("GRANT USAGE ON SCHEMA ops, staging, amo, mart TO pg_monitor")
    connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA ops TO pg_monitor")
    connection.execute(cause.encode())
    try:
        with pytest.raises(AmoError) as raised:
            doctor.raise_fatal(connection, configuration.load(settings, {}))
    finally:
        connection.execute("RESET ROLE")
        connection.execute("SET default_transaction_read_only = off")
    assert raised.value.exit_code == code


def jwt(days: float) -> str:
    """A long-lived token that ends in so many days."""
    claims = {"aud": "x", "exp": int(time.time() + 86_400 * days), "account_id": 11111111}
    parts = [{"typ": "JWT", "alg": "RS256"}, claims, "signature-canary"]
    texts = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode() for part in parts)
    return ".".join(text.rstrip("=") for text in texts)


@pytest.mark.parametrize(
    ("days", "status", "words"),
    [
        (400, "OK", "ends in 400 days"),
        (10.1, "WARN", "ends in 10 days"),
        (0.01, "WARN", "ends in 14 min"),
        (-3.1, "FAIL", "ended 3 days ago"),
    ],
)
def test_end_of_a_token(loaded: Commands, days: float, status: str, words: str) -> None:
    """Read from the token itself, without asking anybody."""
    token = jwt(days)
    result = loaded.run("doctor", "--offline", "--check", "token", AMO_ACCESS_TOKEN=token)

    assert result.out.startswith(f"{status:<6}token"), result.out
    assert words in result.out
    assert result.code == (status == "FAIL")
    assert token not in result.out + result.err


def test_token_refused(night: Commands) -> None:
    """Said once, with what to do; what depends on it is skipped."""
    result = night.run("doctor", "--json", AMO_ACCESS_TOKEN="canary-wrong")
    found = checks(result)

    assert result.code == 1
    assert_not_ok(found["token"], "FAIL", "refused the access token", "long-lived token")
    assert found["api"]["status"] == "OK"
    assert {found[name]["status"] for name in ("clock", "user", "paid_filter")} == {"SKIP"}
    assert "canary" not in result.out + result.err


def test_no_token(night: Commands) -> None:
    """None is configured: here a failure; on a monitoring host nothing to look at."""
    nothing = {"AMO_ACCESS_TOKEN": "", "AMO_BASE_URL": ""}
    found = checks(night.run("doctor", "--json", **nothing))
    watched = night.run("doctor", "--nagios", "--skip", "durability", **nothing)

    assert_not_ok(found["token"], "FAIL", "no access token is configured", "AMO_ACCESS_TOKEN_FILE")
    assert {found[name]["status"] for name in ONLINE - {"token"}} == {"SKIP"}
    assert watched.code == 0, watched.out


def test_locked(loaded: Commands, connection: Connection, dsn: str) -> None:
    """What a run has locked is not waited for, and is no fault."""
    with db.connect(dsn, command="test") as other, other.transaction():
        other.execute("LOCK TABLE staging.pages, ops.rejects")
        found = checks(loaded.ok("doctor", "--json", "--offline", "--check", "rejects"))
    assert found["rejects"]["status"] == "SKIP"
    assert "locked" in found["rejects"]["detail"]


@pytest.mark.parametrize(
    ("settings", "name", "words"),
    [
        (
            {"AMO_ACCESS_TOKEN": "", "AMO_ACCESS_TOKEN_FILE": "/nonexistent"},
            "token",
            "/nonexistent",
        ),
        ({"AMO_ACCESS_TOKEN": "not one token"}, "token", "characters that no token has"),
        ({"AMO_ACCESS_TOKEN": "", "AMO_CLIENT_ID": "x"}, "token", "OAuth is not fully configured"),
        ({"AMO_BASE_URL": "http://mycompany.amocrm.ru"}, "api", "unencrypted"),
        ({"AMO_RATE": "fast"}, "api", "'fast' from AMO_RATE"),
        ({"AMO_WAL_SPACE": "much"}, "disk", "'much'"),
    ],
)
def test_settings_that_make_no_sense(
    night: Commands, settings: dict[str, str], name: str, words: str
) -> None:
    """Each fails the check that it is for, and no other."""
    result = night.run("doctor", "--json", "--skip", "clock", **settings)
    found = checks(result)
    assert result.code == 1
    assert [one["name"] for one in found.values() if one["status"] == "FAIL"] == [name]
    assert words in found[name]["detail"]


def test_oauth(dsn: str, living: Sandbox, connection: Connection) -> None:
    """Not granted, granted, unused for long, dead; the tokens are shown nowhere."""
    commands = Commands(
        {
            "AMO_DSN": dsn,
            "AMO_BASE_URL": living.url,
            "AMO_CLIENT_ID": "sandbox-client",
            "AMO_CLIENT_SECRET": "sandbox-secret",
            "AMO_REDIRECT_URI": "https://app.example/cb",
            "AMO_RATE": "0",
        }
    )
    ask = ("doctor", "--json", "--check", "token", "--check", "api", "--check", "user")
    assert_not_ok(checks(commands.run(*ask))["token"], "FAIL", "was granted", "bin/load auth")
    commands.ok("load", "auth", "--code", "sandbox-code")
    result = commands.ok(*ask)
    assert {one["status"] for one in checks(result).values()} == {"OK"}
    secrets = connection.execute("SELECT access_token, refresh_token FROM ops.tokens").fetchone()
    assert secrets is not None
    assert not any(secret in result.out + result.err for secret in secrets)
    for days, status, words in ((70, "WARN", "unused for 3 months"), (100, "FAIL", "died unused")):
        connection.execute(
            "UPDATE ops.tokens SET refreshed_at = now() - %s * interval '1 day'", (days,)
        )
        found = checks(commands.run("doctor", "--json", "--offline", "--check", "token"))
        assert_not_ok(found["token"], status, words)
    # Asked online it is renewed, and good again.
    connection.execute("UPDATE ops.tokens SET expires_at = now()")
    assert {one["status"] for one in checks(commands.ok(*ask)).values()} == {"OK"}
    connection.execute("UPDATE ops.tokens SET asked_sha256 = 'x', asked_at = now(), asked_by = 'h'")
    found = checks(commands.run("doctor", "--json", "--offline", "--check", "token"))
    assert_not_ok(found["token"], "WARN", "before the answer was saved")


@contextmanager
def manners(account: Sandbox, **changes: object) -> Iterator[None]:
    """Settings of the account, given back at the end."""
    before = account.control("settings")
    account.control("settings", changes)
    try:
        yield
    finally:
        account.control("settings", {name: before[name] for name in changes})


def test_account(night: Commands, living: Sandbox) -> None:
    """No answer, another account, a block."""
    nowhere = f"http://127.0.0.1:{unused_port()}"
    found = checks(night.run("doctor", "--json", "--check", "api", AMO_BASE_URL=nowhere))
    assert_not_ok(found["api"], "FAIL", "cannot reach amoCRM", "check AMO_BASE_URL")
    with manners(living, shown_account_id=5):
        found = checks(night.run("doctor", "--json", "--check", "api"))
    assert_not_ok(found["api"], "FAIL", "answers as account 5, the database holds 11111111")
    with manners(living, blocked=True):
        found = checks(night.run("doctor", "--json", "--check", "api", "--check", "clock"))
    assert_not_ok(found["api"], "FAIL", "blocked this account", "do not try again now")
    assert found["clock"]["status"] == "SKIP"


def test_requests_are_few(night: Commands, living: Sandbox, connection: Connection) -> None:
    """Two, each in its turn; none with --offline."""
    living.control("reset-stats", {})
    night.ok("doctor", "--offline")
    assert living.stats()["requests"] == 0
    night.ok("doctor", AMO_RATE="7")
    assert living.stats()["requests"] == 2
    assert scalar(connection, "SELECT count(*) FROM ops.pace") == 1


def test_clock(night: Commands, living: Sandbox, account: Sandbox) -> None:
    """A minute is a warning, ten a failure, in either direction."""

    def clock(**more: str) -> dict[str, Any]:
        return checks(night.run("doctor", "--json", "--check", "clock", **more))["clock"]

    assert clock()["status"] == "OK"
    for seconds, status, words in (
        (-90, "WARN", "s ahead of"), (900, "FAIL", "13 min behind"),
    ):  # fmt: skip
        living.control("clock", {"advance": seconds})
        assert_not_ok(clock(), status, words, "timedatectl")
    living.control("clock", {"advance": -810})
    assert_not_ok(clock(AMO_BASE_URL=account.url), "FAIL", "days ahead of amoCRM")


def test_user(night: Commands, living: Sandbox) -> None:
    """A token that sees less, and says nothing."""
    with manners(living, admin=False):
        result = night.ok("doctor", "--json", "--check", "user")
    assert_not_ok(checks(result)["user"], "WARN", "no administrator", "as an administrator")


def test_paid_filter(night: Commands, living: Sandbox, connection: Connection) -> None:
    """Of interest to who loads what changed."""
    with manners(living, filter_package=False):
        unused = checks(night.ok("doctor", "--json", "--check", "paid_filter"))
        connection.execute("UPDATE ops.runs SET mode = 'incremental' WHERE kind = 'load'")
        used = checks(night.ok("doctor", "--json", "--check", "paid_filter"))
    assert unused["paid_filter"]["status"] == "OK"
    assert "not paid" in unused["paid_filter"]["detail"]
    assert_not_ok(used["paid_filter"], "WARN", "loads of mode incremental")
