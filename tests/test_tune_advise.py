"""bin/tune advise on real servers: what it says, and that its output can be pasted."""

from __future__ import annotations

import itertools
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from loader import db, embedded
from loader.db import Connection, scalar
from tests.support.commands import Commands
from tests.support.servers import Server
from tuning import facts, machine

# As if of a server elsewhere: all that a machine has.
MACHINE = ("--ram", "8GB", "--cpus", "4", "--disk", "ssd", "--wal-space", "40GB")
_NUMBERS = itertools.count(1)


def by_name(document: Any, scope: str = "server") -> dict[str, Any]:
    return {
        found["name"]: found for found in document["recommendations"] if found["scope"] == scope
    }


@contextmanager
def plain_role(
    connection: Connection, dsn: str, *rights: LiteralString
) -> Iterator[tuple[str, str]]:
    """A role without any right but those granted: its name and how it connects."""
    role = f"plain_{connection.info.backend_pid}_{next(_NUMBERS)}"
    name = sql.Identifier(role)
    connection.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD 'plain'").format(name))
    try:
        for right in rights:
            connection.execute(sql.SQL(right).format(name))
        yield role, make_conninfo(dsn, user=role, password="plain")
    finally:
        connection.execute(sql.SQL("DROP OWNED BY {}").format(name))
        connection.execute(sql.SQL("DROP ROLE {}").format(name))


@contextmanager
def scratch_server() -> Iterator[tuple[str, Path]]:
    """An embedded server of its own, which settings may spoil: dsn and data directory."""
    with TemporaryDirectory() as folder:
        home = Path(folder)
        home.chmod(0o755)
        with embedded.running(home) as dsn:
            yield dsn, home / "postgres"


def restart(dsn: str, data: Path, *options: str) -> None:
    """As its system user when we are root, like the wheel does."""
    owner = data.stat().st_uid
    subprocess.run(
        [embedded.binary("pg_ctl"), "-D", data, "-w", "-m", "fast", "-l", data / "log", *options,
         "restart"],
        check=True, stdout=subprocess.DEVNULL, cwd=data.parent,
        user=None if owner == os.getuid() else owner,
    )  # fmt: skip
    with psycopg.connect(dsn):
        pass


def wanted(commands: Commands, **more: str) -> dict[str, str]:
    document = commands.ok("tune", "advise", "--format", "json", *MACHINE, **more).json
    return {name: row["wanted"] for name, row in by_name(document).items() if row["is_ready"]}


def shown(dsn: str, names: dict[str, str]) -> dict[str, str]:
    with db.connect(dsn, command="test", options="") as connection:
        return {name: scalar(connection, "SELECT current_setting(%s)", (name,)) for name in names}


def test_json(loaded: Commands, connection: Connection) -> None:
    """All there is, measured by the load and the transform before."""
    document = loaded.ok("tune", "advise", "--format", "json", *MACHINE).json

    assert document["schema"] == "amo-tune/advise/1"
    assert document["machine"] == {
        "ram_bytes": 8 << 30, "cpus": 4, "disk": "ssd", "wal_space_bytes": 40 << 30,
        "origins": {
            "ram": "--ram", "cpus": "--cpus", "disk": "--disk", "wal_space": "--wal-space",
        },
    }  # fmt: skip
    assert document["measured"]["load_json_bytes"] == scalar(
        connection, "SELECT sum(bytes) FROM ops.pages"
    )
    wal = scalar(connection, "SELECT sum(wal_bytes) FROM ops.transforms")
    assert document["measured"]["transform_wal_bytes"] == wal
    assert document["measured"]["most_wal_bytes"] == wal
    assert document["measured"]["documents_bytes"] > 0
    rows = by_name(document)
    assert rows["shared_buffers"] | {"reason": "", "source": "", "origin": ""} == {
        "name": "shared_buffers", "scope": "server", "current": "128MB", "wanted": "2GB",
        "origin": "", "verdict": "change", "takes": "restart", "reason": "", "source": "",
        "is_ready": True, "is_pending": False, "hurdle": None, "is_forbidden": False,
    }  # fmt: skip
    assert rows["max_wal_size"]["wanted"] == "1GB"
    assert rows["fsync"]["wanted"] == "on"
    # The small load fits the 64 MB that a transform has anyway.
    assert by_name(document, "loader")["work_mem"]["verdict"] == "fine"
    assert document["ram_upgrade"]["to_bytes"] == 16 << 30


def test_what_it_takes(commands: Commands, connection: Connection) -> None:
    """restart, reload or session, as the server itself has it."""
    document = commands.ok("tune", "advise", "--format", "json", *MACHINE).json
    contexts: dict[str, str] = dict(
        connection.execute("SELECT name, context FROM pg_settings").fetchall()
    )
    takes = {"postmaster": "restart", "sighup": "reload", "superuser": "session", "user": "session"}

    for name, row in by_name(document).items():
        assert row["takes"] == takes[contexts[name]], name


def test_text(loaded: Commands) -> None:
    """80 columns; current, wanted, where it comes from, why, what is fine."""
    text = loaded.ok("tune", "advise", *MACHINE).out

    assert max(map(len, text.splitlines())) <= 80
    line = next(line for line in text.splitlines() if line.startswith("shared_buffers"))
    assert line.split()[1:3] == ["128MB", "2GB"]
    assert line.endswith("restart")
    assert "A quarter of the RAM (8 GB)" in text
    assert "fine, as good or less than 5 % off:" in text
    assert "RAM 8 GB (--ram), 4 CPUs (--cpus)" in text


def test_conf_is_accepted(loaded: Commands) -> None:
    """As an include file of a scratch server: after the restart SHOW says the same."""
    with scratch_server() as (dsn, data):
        text = loaded.ok("tune", "advise", "--format", "conf", *MACHINE, AMO_DSN=dsn).out
        expected = wanted(loaded, AMO_DSN=dsn)
        before = shown(dsn, expected)
        (data / "amo.conf").write_text(text)
        (data / "amo.conf").chmod(0o644)
        with (data / "postgresql.conf").open("a") as file:
            file.write("\ninclude 'amo.conf'\n")
        restart(dsn, data)

        assert max(map(len, text.splitlines())) <= 80
        assert len(expected) >= 6
        assert all(before[name] != expected[name] for name in expected)
        assert shown(dsn, expected) == expected
        # And then there is nothing left to be said.
        document = loaded.ok("tune", "advise", "--format", "json", *MACHINE, AMO_DSN=dsn).json
        left = {n: r for n, r in by_name(document).items() if r["verdict"] == "change"}
        assert left == {}
        assert by_name(document)["shared_buffers"]["origin"].startswith("amo.conf:")


def test_sql_runs(loaded: Commands) -> None:
    """In psql: reload what a reload takes, the rest waits for the restart and is marked so."""
    with scratch_server() as (dsn, data):
        Commands({"AMO_DSN": dsn}).ok("migrate", "up")
        make_large(dsn)
        text = loaded.ok("tune", "advise", "--format", "sql", *MACHINE, AMO_DSN=dsn).out
        expected = wanted(loaded, AMO_DSN=dsn)
        subprocess.run(
            [embedded.binary("psql"), "-X", "-v", "ON_ERROR_STOP=1", dsn],
            input=text, text=True, check=True, capture_output=True,
        )  # fmt: skip
        after = loaded.ok("tune", "advise", "--format", "json", *MACHINE, AMO_DSN=dsn).json
        assert by_name(after)["shared_buffers"]["is_pending"]
        left = [
            (row["scope"], row["name"])
            for row in after["recommendations"]
            if row["verdict"] == "change" and row["takes"] != "restart"
        ]
        assert left == []
        assert "ALTER TABLE amo.documents SET (" in text
        assert (
            "another value waits for a restart"
            in loaded.ok("tune", "advise", *MACHINE, AMO_DSN=dsn).out
        )
        restart(dsn, data)
        assert shown(dsn, expected) == expected


def make_large(dsn: str) -> None:
    """A final table with as many rows as autovacuum needs help for."""
    with db.connect(dsn, command="test") as connection:
        connection.execute(
            "INSERT INTO amo.documents (account_id, stream, id, doc, hash, first_seen_run,"
            " changed_run) SELECT 1, 's', n::text, '{}', n, 1, 1 FROM generate_series(1, 120000) n"
        )
        connection.execute("ANALYZE amo.documents")


def test_plain_role(loaded: Commands, connection: Connection, dsn: str) -> None:
    """Advice all the same; what the role may not is marked, and stands in sql for a superuser."""
    with plain_role(connection, dsn) as (role, plain):
        document = loaded.ok("tune", "advise", "--format", "json", *MACHINE, AMO_DSN=plain).json
        text = loaded.ok("tune", "advise", *MACHINE, AMO_DSN=plain).out
        statements = loaded.ok("tune", "advise", "--format", "sql", *MACHINE, AMO_DSN=plain).out

    rows = by_name(document)
    assert f"{role} may not" in rows["shared_buffers"]["hurdle"]
    assert not rows["shared_buffers"]["is_forbidden"]
    assert rows["shared_buffers"]["origin"] in ("configuration file", "command line", "default")
    assert document["server"]["service"] is None
    # It may not read the ledgers, and so knows no measurement.
    assert document["measured"]["load_json_bytes"] is None
    assert "the size of a load" in text
    assert f"! {role} may not" in text
    assert "\nALTER SYSTEM SET shared_buffers = '2GB';" in statements


def test_granted_settings(commands: Commands, connection: Connection, dsn: str) -> None:
    """GRANT ALTER SYSTEM ON PARAMETER is seen."""
    right = "GRANT ALTER SYSTEM ON PARAMETER jit TO {}"
    with plain_role(connection, dsn, right) as (_, plain):
        rows = by_name(commands.ok("tune", "advise", "--format", "json", AMO_DSN=plain).json)

    assert rows["jit"]["hurdle"] is None
    assert rows["checkpoint_timeout"]["hurdle"] is not None


def test_managed_service(commands: Commands, connection: Connection, dsn: str) -> None:
    """Its own superuser gives it away; a role that is merely called so does not."""
    connection.execute("CREATE ROLE rdsadmin")
    try:
        with plain_role(connection, dsn) as (_, plain):
            before = commands.ok("tune", "advise", "--format", "json", *MACHINE, AMO_DSN=plain).json
            connection.execute("ALTER ROLE rdsadmin SUPERUSER")
            document = commands.ok(
                "tune", "advise", "--format", "json", *MACHINE, AMO_DSN=plain
            ).json
            text = commands.ok("tune", "advise", "--format", "sql", *MACHINE, AMO_DSN=plain).out
        assert facts.rights(connection).service is None
    finally:
        connection.execute("DROP ROLE rdsadmin")

    assert before["server"]["service"] is None
    assert document["server"]["service"]["name"] == "Amazon RDS or Aurora"
    rows = by_name(document)
    assert rows["shared_buffers"]["is_forbidden"]
    assert "parameter group" in rows["shared_buffers"]["hurdle"]
    assert "\nALTER SYSTEM" not in text
    assert "\n-- ALTER SYSTEM SET shared_buffers = '2GB';" in text


def test_a_server_here(commands: Commands, server: Server) -> None:
    """What this machine has counts only when the server's processes are seen on it."""
    if server.kind == "AMO_TEST_DSN":
        pytest.skip("who knows where it is")
    document = commands.ok("tune", "advise", "--format", "json").json

    # In a container it answers on a loopback address, too, and is no process of this machine.
    is_here = server.kind == "embedded"
    assert document["server"]["is_local"] == is_here
    assert document["machine"]["origins"]["ram"] == ("this machine" if is_here else None)
    if is_here:
        assert 0 < document["machine"]["ram_bytes"] <= memory_here()
        assert 0 < document["machine"]["cpus"] <= (os.cpu_count() or 0)
        assert document["machine"]["wal_space_bytes"] > 0


def memory_here() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def test_whose_process_it_is(tmp_path: Path) -> None:
    """The pid of a backend behind a tunnel is nobody's here, or another program's."""
    assert not machine.has_backend(os.getpid(), tmp_path)
    assert not machine.has_backend(2**22 + 1, tmp_path)


def test_a_server_elsewhere(commands: Commands) -> None:
    """Reached by an address that is no loopback: without --ram no advice that needs it."""
    with scratch_server() as (dsn, data):
        port = free_port()
        elsewhere = make_conninfo(dsn, host="0.0.0.0", port=port)  # noqa: S104
        restart(elsewhere, data, "-o", f"-h 127.0.0.1 -p {port} -k {data}")
        document = commands.ok("tune", "advise", "--format", "json", AMO_DSN=elsewhere).json
        text = commands.ok("tune", "advise", AMO_DSN=elsewhere).out
        given = commands.ok(
            "tune", "advise", "--format", "json", AMO_DSN=elsewhere, AMO_RAM="8GB"
        ).json

    assert not document["server"]["is_local"]
    assert set(document["machine"]["origins"].values()) == {None}
    needs_ram = {"shared_buffers", "effective_cache_size", "work_mem", "maintenance_work_mem"}
    assert needs_ram <= {found["name"] for found in document["left_out"]}
    assert not needs_ram & set(by_name(document))
    assert "the RAM of the server: --ram: shared_buffers" in text
    assert "the server is on 0.0.0.0" in text
    assert by_name(given)["shared_buffers"]["wanted"] == "2GB"
    assert given["machine"]["origins"]["ram"] == "AMO_RAM"


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def test_a_role_that_hides_the_server(commands: Commands, connection: Connection, dsn: str) -> None:
    """ALTER ROLE is the loader's; the server's own value is looked up, or said not to be known."""
    with plain_role(connection, dsn, "ALTER ROLE {} SET work_mem = '96MB'") as (role, plain):
        document = commands.ok("tune", "advise", "--format", "json", *MACHINE, AMO_DSN=plain).json
        seen = commands.ok(
            "tune", "advise", "--format", "json", *MACHINE, PGOPTIONS="-c work_mem=96MB"
        ).json

    assert "work_mem" not in by_name(document)
    lacking = {found["name"]: found["lacking"] for found in document["left_out"]}
    assert "hidden by ALTER ROLE" in lacking["work_mem"]
    hiding = {"name": "work_mem", "value": "96MB", "whose": f"role {role}"}
    assert hiding in document["overrides"]
    assert by_name(seen)["work_mem"]["current"] == "4MB"


@pytest.mark.parametrize("form", ["conf", "sql"])
def test_what_is_pasted_tells_of_overrides(
    commands: Commands, connection: Connection, form: str
) -> None:
    """A line that changes nothing for this database says so."""
    name = connection.info.dbname
    connection.execute(
        sql.SQL("ALTER DATABASE {} SET random_page_cost = 3").format(sql.Identifier(name))
    )

    text = commands.ok("tune", "advise", "--format", form, *MACHINE).out

    assert " ".join(text.replace("--", "").replace("#", "").split()).count("It stays 3 for") == 1


def test_a_transform_takes_what_its_role_has(loaded: Commands, connection: Connection) -> None:
    """At least 64 MB, and more where that is given."""
    connection.execute("CREATE TABLE seen (work_mem text)")
    connection.execute(
        "CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN INSERT INTO seen VALUES (current_setting('work_mem')); RETURN NULL; END $$"
    )
    connection.execute("CREATE TRIGGER see AFTER INSERT ON ops.transforms EXECUTE FUNCTION see()")
    for given, expected in (("8MB", "64MB"), ("96MB", "96MB")):
        connection.execute("TRUNCATE seen")
        loaded.ok("transform", PGOPTIONS=f"-c work_mem={given}")
        assert connection.execute("SELECT DISTINCT work_mem FROM seen").fetchall() == [(expected,)]


def test_an_empty_database(empty_dsn: str) -> None:
    """Advice before the first load; what only a load can tell is left out."""
    document = Commands({"AMO_DSN": empty_dsn}).ok(
        "tune", "advise", "--format", "json", *MACHINE
    ).json  # fmt: skip

    assert by_name(document)["shared_buffers"]["wanted"] == "2GB"
    assert {"max_wal_size", "work_mem of the loader"} <= {f["name"] for f in document["left_out"]}


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("--ram", "8"), "8GB"),
        (("--wal-space", "much"), "8GB"),
        (("--cpus", "0"), "a number"),
        (("--disk", "floppy"), "ssd or hdd"),
        (("--ram-to", "16"), ""),
    ],
)
def test_no_such_value(commands: Commands, arguments: tuple[str, str], hint: str) -> None:
    """Exit 2, with the flag and the value."""
    result = commands.run("tune", "advise", *arguments)

    assert result.code == 2
    assert arguments[0] in result.err
    assert arguments[1] in result.err
    assert hint in result.err


def test_amo_toml(commands: Commands, tmp_path: Path) -> None:
    """The figures of a server elsewhere are kept in the file; a flag wins."""
    file = tmp_path / "amo.toml"
    file.write_text('ram = "16GB"\ncpus = 8\ndisk = "hdd"\nwal_space = "20GB"\n')
    document = commands.ok(
        "tune", "advise", "--format", "json", "--cpus", "2", AMO_CONFIG=str(file)
    ).json

    assert document["machine"]["ram_bytes"] == 16 << 30
    assert document["machine"]["cpus"] == 2
    assert document["machine"]["origins"]["ram"] == str(file)
    assert by_name(document)["random_page_cost"]["wanted"] == "4"
