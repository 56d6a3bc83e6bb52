"""bin/tune apply --system: ALTER SYSTEM and back, whatever falls in between."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from loader import embedded
from loader.db import Connection, scalar
from tests.support.commands import Commands
from tests.support.servers import Server
from tests.support.waiting import reconnect
from tuning import journal, system
from tuning.holder import Holder

APPLY = ("tune", "apply", "--table", "leads", "--system", "--json")


@pytest.fixture(autouse=True)
def file(server: Server, connection: Connection) -> Iterator[None]:
    """The server is ours and shared with other tests: its file ends as it began."""
    if server.kind == "AMO_TEST_DSN":
        pytest.skip("AMO_TEST_DSN: its settings are not ours to change")
    yield
    for name in ("max_wal_size", "checkpoint_timeout", "wal_compression"):
        connection.execute(f"ALTER SYSTEM RESET {name}".encode())
    connection.execute("SELECT pg_reload_conf()")


@pytest.fixture
def commands(commands: Commands) -> Commands:
    """As if there were room for WAL, however full this machine is."""
    return Commands(commands.environment | {"AMO_WAL_SPACE": "100GB"})


def set_in_file(connection: Connection, name: str, value: str) -> None:
    connection.execute(system.statement(name, value))
    connection.execute("SELECT pg_reload_conf()")


def settings(result: Any) -> dict[str, str]:
    return {one["name"]: one["outcome"] for one in result["changes"] if one["kind"] == "system"}


@pytest.mark.parametrize("before", [None, "3GB"])
def test_apply_and_revert(commands: Commands, connection: Connection, before: str | None) -> None:
    """What had no line in the file has none again; what had one has it as it was typed."""
    if before:
        set_in_file(connection, "max_wal_size", before)

    planned = commands.ok(*APPLY, "--dry-run").json
    assert system.in_file(connection, "max_wal_size") == before
    applied = commands.ok(*APPLY).json

    assert [one["statement"] for one in planned["changes"]] == [
        one["statement"] for one in applied["changes"]
    ]
    assert settings(applied)["max_wal_size"] == "applied"
    assert system.in_force(connection, "max_wal_size").value == "4096MB"
    assert system.in_force(connection, "checkpoint_timeout").value == "1800s"
    status = commands.ok("tune", "status", "--json").json["settings"]
    assert ("server", "max_wal_size", "4096MB", "held") in {
        (one["object"], one["name"], one["value"], one["state"]) for one in status
    }

    reverted = commands.ok("tune", "revert", "--json").json

    assert set(settings(reverted).values()) == {"restored"}
    assert system.in_file(connection, "max_wal_size") == before
    assert system.in_file(connection, "checkpoint_timeout") is None


def test_no_more_than_half_of_the_space(commands: Commands, connection: Connection) -> None:
    """As configured; and nothing at all where the server has that much already."""
    applied = commands.ok(*APPLY, AMO_WAL_SPACE="6GB").json
    assert system.in_file(connection, "max_wal_size") == "3072MB"
    assert settings(applied)["max_wal_size"] == "applied"
    commands.ok("tune", "revert")

    planned = commands.ok(*APPLY, "--dry-run", AMO_WAL_SPACE="1GB").json
    change = next(one for one in planned["changes"] if one["name"] == "max_wal_size")
    assert change["outcome"] == "skipped"
    assert "WAL may take 1024MB" in change["detail"]
    assert commands.run(*APPLY, AMO_WAL_SPACE="much").code == 2


def test_given_values(commands: Commands, connection: Connection) -> None:
    """In any unit; nothing that risks data, nothing the server cannot read."""
    commands.ok(*APPLY, "--set", "max_wal_size=8GB", "--set", "checkpoint_timeout=15min")
    assert system.in_file(connection, "max_wal_size") == "8192MB"
    assert system.in_file(connection, "checkpoint_timeout") == "900s"
    commands.ok("tune", "revert")

    for bad in ("fsync=off", "max_wal_size=much", "wal_compression=zip"):
        assert commands.run(*APPLY, "--set", bad).code == 2
    assert (
        scalar(connection, "SELECT count(*) FROM ops.tuning_journal WHERE state <> 'closed'") == 0
    )


def test_changed_meanwhile(commands: Commands, connection: Connection) -> None:
    """It is kept and named."""
    commands.ok(*APPLY)
    set_in_file(connection, "max_wal_size", "5GB")

    reverted = commands.ok("tune", "revert", "--json").json

    assert settings(reverted) == {
        "max_wal_size": "skipped_changed",
        "checkpoint_timeout": "restored",
    } | {name: "restored" for name in settings(reverted) if name == "wal_compression"}
    assert system.in_file(connection, "max_wal_size") == "5GB"


@pytest.mark.parametrize(
    ("state", "in_file", "outcome", "after"),
    [
        ("intent", "3GB", "never_applied", "3GB"),  # killed before ALTER SYSTEM
        ("intent", "4096MB", "restored", "3GB"),  # before reload or verification
        ("intent", "5GB", "skipped_changed", "5GB"),
        ("applied", "4096MB", "restored", "3GB"),
        ("applied", "3GB", "restored", "3GB"),  # between the way back and its record
        ("applied", None, "skipped_changed", None),
    ],
)
def test_recovery_after_a_kill(
    connection: Connection, commands: Commands, state: str, in_file: str | None, outcome: str,
    after: str | None,
) -> None:  # fmt: skip
    """The journal says what was intended, the file how far it went."""
    # The pid of nobody.
    dead = Holder(7, 2**22 + 1, 24)
    number = journal.note(connection, "system", 0, "server", "max_wal_size", "3GB", "4096MB")
    journal.hold(connection, number, dead)
    if state == "applied":
        journal.confirm(connection, number)
    if in_file:
        # Without a reload: the next one for whatever reason would bring it in.
        connection.execute(system.statement("max_wal_size", in_file))

    reverted = commands.ok("tune", "revert", "--json").json

    assert settings(reverted) == {"max_wal_size": outcome}
    assert system.in_file(connection, "max_wal_size") == after
    in_force = {None: "1024MB", "3GB": "3072MB", "5GB": "5120MB"}[after]
    assert system._has_come_true(connection, "max_wal_size", in_force)


def test_no_effect(commands: Commands, connection: Connection) -> None:
    """Something stronger than the file: undone at once, and said."""
    database = connection.info.dbname
    connection.execute(f"ALTER DATABASE {database} SET wal_compression = off".encode())

    result = commands.run(*APPLY, "--set", "wal_compression=pglz")

    assert result.code == 3
    assert "no_effect (off from database is stronger; undone)" in result.err
    assert settings(result.json)["max_wal_size"] == "applied"
    assert system.in_file(connection, "wal_compression") is None
    commands.ok("tune", "revert")


def test_privileges(commands: Commands, connection: Connection, dsn: str) -> None:
    """Each grant that is missing is named, and those that are named are enough."""
    connection.execute("CREATE ROLE tune_dba LOGIN")
    connection.execute("ALTER TABLE amo.leads OWNER TO tune_dba")
    connection.execute("GRANT USAGE ON SCHEMA amo, ops TO tune_dba")
    connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA ops TO tune_dba")
    connection.execute(
        "GRANT INSERT, UPDATE, DELETE ON ops.tuning_journal, ops.tuning_holders TO tune_dba"
    )
    as_dba = psycopg.conninfo.make_conninfo(dsn, options="-c role=tune_dba")
    try:
        for _ in range(3):
            result = commands.run(*APPLY, "--set", "wal_compression=pglz", AMO_DSN=as_dba)
            if result.code == 0:
                break
            assert result.code == 2, result.err
            assert "GRANT" in result.err
            for one in result.json["changes"]:
                if one["outcome"] == "refused":
                    connection.execute(one["detail"].encode())
        assert result.code == 0, result.err
        assert system.in_force(connection, "max_wal_size").value == "4096MB"
        commands.ok("tune", "revert", AMO_DSN=as_dba)
        assert system.in_file(connection, "max_wal_size") is None
    finally:
        connection.execute("DROP OWNED BY tune_dba CASCADE")
        connection.execute("DROP ROLE tune_dba")


@contextmanager
def home() -> Iterator[tuple[str, Commands]]:
    """A migrated database of an embedded server of its own, which stops after each command."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        commands = Commands({"AMO_HOME": folder})
        commands.ok("migrate", "up")
        yield folder, commands


def test_the_command_line_is_stronger() -> None:
    """As under Patroni: ALTER SYSTEM would say yes and change nothing, so it is left alone."""
    with home() as (folder, _):
        data = Path(folder, "postgres")
        (data / "sockets").mkdir()
        shutil.chown(data / "sockets", data.owner())
        command = [str(embedded.binary("postgres")), "-D", str(data), "-k", str(data / "sockets"),
                   "-c", "listen_addresses=", "-c", "max_wal_size=2GB"]  # fmt: skip
        dsn = f"host={data / 'sockets'} dbname={embedded.DATABASE} user=postgres"
        user = data.owner() if os.geteuid() == 0 else None
        with subprocess.Popen(command, user=user, stderr=subprocess.DEVNULL) as process:
            try:
                reconnect(dsn).close()
                changes = Commands({"AMO_DSN": dsn}).ok(*APPLY).json["changes"]
            finally:
                process.send_signal(signal.SIGINT)  # a fast shutdown
        found = {one["name"]: (one["outcome"], one["detail"]) for one in changes}
        assert found["max_wal_size"] == (
            "skipped",
            "2048MB is given on the command line of the server",
        )
        assert found["checkpoint_timeout"][0] == "applied"
        assert "max_wal_size" not in (data / "postgresql.auto.conf").read_text()


def test_a_restart_in_between() -> None:
    """Options, file and journal outlive it."""
    with home() as (folder, commands):
        auto = Path(folder, "postgres", "postgresql.auto.conf")
        before = auto.read_text()

        commands.ok(*APPLY)
        assert not Path(folder, "postgres", "postmaster.pid").exists()
        assert "max_wal_size = '4096MB'" in auto.read_text()
        reverted = commands.ok("tune", "revert", "--json").json

        assert {one["outcome"] for one in reverted["changes"]} == {"restored"}
        assert "max_wal_size" in {one["name"] for one in reverted["changes"]}
        assert auto.read_text() == before
