"""bin/demo."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

import click

from loader import config as configuration
from loader import db, report, sqlfiles
from loader.cli.main import common, output
from loader.config import Config
from loader.db import Connection
from loader.errors import AmoError, UsageError


@click.command()
@click.option("--companies", default=200, show_default=True, help="Size of the sandbox account.")
@click.option("--seed", default=1, show_default=True, help="Another seed, another account.")
@common
def demo(companies: int, seed: int, verbose: int, quiet: bool) -> None:
    """Show the whole way once, on a made-up account.

    Starts the sandbox (a local look-alike of amoCRM that enforces its 7 requests a second),
    then runs bin/load and bin/transform as commands of their own, exactly as you would, into
    the configured PostgreSQL or, when none is, into one that it starts under AMO_HOME. At the
    end it says how to look around with psql.

    \b
    Settings: PG* or AMO_DSN  a database; with neither, one under AMO_HOME
              (default ./.amo) is started, and kept
    Exit:     0 ok, 2 usage, else what bin/load or bin/transform ended with

    \b
    Examples:
      bin/demo
      bin/demo --companies 2000 --seed 7      a larger account, another one
      AMO_HOME=/tmp/amo bin/demo
    """
    output(verbose, quiet)
    try:
        from sandbox import process  # noqa: PLC0415 - not part of every installation
    except ImportError as exc:
        raise UsageError(
            "the sandbox is not installed", hint="pip install 'amo-loader[sandbox]'"
        ) from exc
    config = configuration.load({})
    started = time.monotonic()
    # Held until the end, so that the two commands find the server running.
    with db.server(config) as dsn:
        flags = ["--companies", str(companies), "--seed", str(seed), "--rate", "7"]
        with process.start(*flags) as account:
            click.echo(f"sandbox account {account.account_id} at {account.url}")
            click.echo(f"  {companies} companies, {sum(account.entities.values())} entities\n")
            environment = {
                "AMO_BASE_URL": account.url,
                "AMO_ACCESS_TOKEN": account.token,
                "AMO_HOME": str(config.home),
            }
            # A terminal gets their progress and the summary, a pipe the log and the summary.
            more = [] if sys.stdout.isatty() else ["-v"]
            _command(["load", *more], environment)
            _command(["transform", *more], environment)
            refused = account.stats()["by_status"].get("429", 0)
            click.echo(f"answers 429 (too many requests): {refused}\n")
        with db.connect(dsn, command="demo") as connection:
            for file in sqlfiles.find("queries"):
                _query(connection, file)
    click.echo(f"done in {time.monotonic() - started:.0f} s\n")
    click.echo(_what_next(config))


def _command(arguments: list[str], environment: dict[str, str]) -> None:
    """Run one of our commands as its own process and show it."""
    click.secho(f"$ bin/{shlex.join(arguments)}", bold=True)
    done = subprocess.run(
        [sys.executable, "-m", "loader", *arguments],
        env=os.environ | environment,
        stderr=subprocess.STDOUT,
        check=False,
    )
    click.echo()
    if done.returncode:
        error = AmoError(f"bin/{arguments[0]} ended with exit code {done.returncode}")
        error.exit_code = done.returncode
        raise error


def _query(connection: Connection, file: sqlfiles.SqlFile) -> None:
    cursor = connection.execute(file.text)
    head = [column.name for column in cursor.description or ()]
    click.secho(f"{file.head('Purpose')}  (sql/{file.name}.sql)", bold=True)
    click.echo(report.table(head, cursor.fetchall()) + "\n")


def _what_next(config: Config) -> str:
    psql = 'psql "$AMO_DSN"' if config.get("dsn") else "psql"
    if config.uses_embedded_postgres():
        python = shlex.quote(os.path.relpath(sys.executable))
        psql = f"{python} -m loader.embedded"
        if config.home != Path(".amo").resolve():
            psql = f"AMO_HOME={shlex.quote(str(config.home))} {psql}"
    return f"""Look around with psql:
  {psql}

Your own account:
  export AMO_BASE_URL=https://mycompany.amocrm.ru
  export AMO_ACCESS_TOKEN_FILE=~/.amo-token   # mode 0600, a long-lived token
  export AMO_DSN=postgresql://you@host/dbname  # another database than this one
  bin/load && bin/transform"""
