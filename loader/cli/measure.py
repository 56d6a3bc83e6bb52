"""bin/tune measure."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import FrameType

import click

from loader import config as configuration
from loader import db, migrate
from loader.cli.main import Output, common, output
from loader.config import Config
from loader.db import Connection
from loader.errors import AmoError, SchemaError, UsageError
from tuning import arms, collect, holder, restaging, scratch, show_measure
from tuning import measure as measuring
from tuning.arms import Arm
from tuning.measure import Taken
from tuning.restaging import Load
from tuning.show_measure import Result
from tuning.situation import LeftOut

# Nothing is written where the data is, and nothing hides a setting of the server.
_LOOKING = "-c statement_timeout=0 -c default_transaction_read_only=on"

# Entities of the sandbox for each company, as benchmarks.transform has them.
_SHARES = {"contacts": 4, "leads": 4, "notes": 8, "tasks": 2}
_ENTITIES_PER_COMPANY = 21


@click.command()
@click.option(
    "--rows",
    type=click.IntRange(min=1),
    metavar="N",
    help="About N entities made up by the sandbox, instead of the last staging.",
)
@click.option(
    "--rounds", type=click.IntRange(1, 99), default=3, show_default=True, help="Runs of each."
)
@click.option("--json", "as_json", is_flag=True, help="As JSON on stdout.")
@common
def measure(rows: int | None, rounds: int, as_json: bool, verbose: int, quiet: bool) -> None:
    """What work_mem, jit and others do to a transform on this server, measured.

    What bin/load staged last is copied into a scratch database amo_measure_N on the same server
    and transformed there under each setting alone and all together, in turns. The database that
    it came from is only read. The scratch database is dropped at the end, also after SIGTERM or
    Ctrl-C; what a kill -9 leaves, the next measure drops.

    Needs the right to make a database: ALTER ROLE … CREATEDB. Takes room for one more copy of
    staging and amo, and time for (8 arms x rounds) first transforms: -v shows them as they go.

    \b
    Settings: PG* or AMO_DSN  the database; with neither, the one under AMO_HOME
    Exit:     0 ok, 2 usage or nothing staged, 3 PostgreSQL refused,
              56 cannot connect, 58 schema, 130/143 signal

    \b
    Examples:
      bin/tune measure -v                   of what bin/load staged last
      bin/tune measure --rows 100000 --rounds 5
    """
    out = output(verbose, quiet)
    config = configuration.load({})
    with (
        _interruptible(),
        db.server(config) as dsn,
        db.connect(dsn, command="measure", options=_LOOKING) as source,
        db.connect(dsn, command="measure") as keeper,
    ):
        _require_direct(keeper)
        if rows is None:
            _require_ours(source)
        with (
            scratch.database(keeper) as scratch_dsn,
            db.connect(scratch_dsn, command="measure") as target,
        ):
            migrate.up(target)
            if rows is None:
                restaging.copy(source, target)
            else:
                _fill(scratch_dsn, rows, config)
            load = restaging.prepare(target)
            found, left_out = _arms(source, config, load)
            out.say(f"{load.entities} entities; {1 + rounds * len(found)} transforms")
            measured = measuring.rounds(target, scratch_dsn, found, rounds, _teller(out))
        version = source.info.parameter_status("server_version") or ""
    origin = "staging" if rows is None else "sandbox"
    result = Result(version, origin, load, rounds, measured, left_out)
    if as_json:
        click.echo(json.dumps(show_measure.document(result), ensure_ascii=False))
    else:
        click.echo(show_measure.text(result))


def _require_direct(connection: Connection) -> None:
    if not holder.is_direct(connection):
        raise UsageError(
            "this connection goes through a pooler",
            detail="its lock would not tell whether the scratch database is still in use",
            hint="connect directly to PostgreSQL",
        )


def _require_ours(connection: Connection) -> None:
    if migrate.inspect(connection).is_empty:
        raise SchemaError(
            "nothing of ours is in this database",
            hint="bin/load comes first, or --rows 100000 for an account made up by the sandbox",
        )
    migrate.require_current(connection)


def _arms(source: Connection, config: Config, load: Load) -> tuple[list[Arm], list[LeftOut]]:
    """For this server, and for what is measured instead of the last load."""
    situation = collect.collect(source, config).situation
    facts = replace(situation.measured, load_json_bytes=load.json_bytes)
    return arms.arms(arms.look(source), replace(situation, measured=facts))


def _fill(dsn: str, rows: int, config: Config) -> None:
    """Load an account of the sandbox into the scratch database, by bin/load itself."""
    try:
        from sandbox import process  # noqa: PLC0415 - not part of every installation
    except ImportError as exc:
        raise UsageError(
            "the sandbox is not installed", hint="pip install 'amo-loader[sandbox]'"
        ) from exc
    companies = max(1, round(rows / _ENTITIES_PER_COMPANY))
    flags = ["--companies", str(companies), "--rate", "0", "--latency", "0:0"]
    for name, share in _SHARES.items():
        flags += [f"--{name}", str(share * companies)]
    own = {name: value for name, value in os.environ.items() if not name.startswith("AMO_")}
    with process.start(*flags) as account:
        settings = {
            "AMO_DSN": dsn, "AMO_BASE_URL": account.url, "AMO_ACCESS_TOKEN": account.token,
            "AMO_RATE": "0", "AMO_HOME": str(config.home),
        }  # fmt: skip
        command = [sys.executable, "-m", "loader", "load", "--quiet"]
        done = subprocess.run(command, env=own | settings, check=False)
    if done.returncode:
        error = AmoError(f"loading the account of the sandbox ended with {done.returncode}")
        error.exit_code = done.returncode
        raise error


def _teller(out: Output) -> measuring.OnRun:
    def tell(number: int, arm: Arm, taken: Taken) -> None:
        where = f"round {number}" if number else "not counted"
        out.say(f"{where}: {arm.name}: {taken.seconds:.2f} s")

    return tell


@contextmanager
def _interruptible() -> Iterator[None]:
    """SIGTERM as Ctrl-C, which psycopg knows to cancel a statement for; the first one only.

    Whoever sends a second one would have the scratch database left.
    """
    received: list[int] = []

    def stop(number: int, _frame: FrameType | None) -> None:
        if not received:
            received.append(number)
            raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    except KeyboardInterrupt:
        sys.exit(128 + (received[0] if received else signal.SIGINT))
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
