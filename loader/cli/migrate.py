"""bin/migrate."""

from __future__ import annotations

import json

import click

from loader import config as configuration
from loader import db, report
from loader import migrate as migrating
from loader.cli.main import common, output
from loader.errors import SchemaError


@click.command()
@click.argument("action", type=click.Choice(["up", "status", "verify"]))
@click.option("--dry-run", is_flag=True, help="With up: print what would be applied, and stop.")
@click.option("--json", "as_json", is_flag=True, help="With status: as JSON on stdout.")
@common
def migrate(action: str, dry_run: bool, as_json: bool, verbose: int, quiet: bool) -> None:
    """The schema of the database: apply its migrations, list them, verify them.

    Each is a file, applied once, in order, and never edited afterwards. bin/load brings an empty
    database up by itself; every other database waits for bin/migrate up.

    \b
    up      apply what is pending, each file in a transaction of its own
    status  list the files and whether they are applied
    verify  exit 58 when a file is pending, edited since, or unknown here

    Every file also runs by hand: psql -X -1 -v ON_ERROR_STOP=1 -f sql/migrations/0001_….sql

    \b
    Settings: PG* or AMO_DSN  the database; with neither, the one under AMO_HOME
    Files:    sql/migrations/*, amo.toml or AMO_CONFIG
    Exit:     0 ok, 2 usage, 3 a file failed and was rolled back, 50 another
              one is at it, 56 cannot connect, 58 the schema does not fit

    \b
    Examples:
      bin/migrate up --dry-run    what an upgrade would apply
      bin/migrate up -v
      bin/migrate verify || mail -s "amo: schema" dba@example.com </dev/null
    """
    out = output(verbose, quiet)
    config = configuration.load({})
    with db.server(config) as dsn, db.connect(dsn, command="migrate") as connection:
        state = migrating.inspect(connection)
        if action == "status":
            _show(state, as_json=as_json)
        elif action == "verify":
            _verify(state)
        elif dry_run:
            for file in state.pending:
                click.echo(f"sql/{file.name}.sql  {file.head('Purpose')}")
        else:
            for name in migrating.up(connection):
                out.say(f"applied {name}")


def _show(state: migrating.State, *, as_json: bool) -> None:
    words = dict.fromkeys(state.applied, "applied")
    words |= dict.fromkeys(state.edited, "edited")
    words |= dict.fromkeys(state.unknown, "unknown")
    words |= {file.stem: "pending" for file in state.pending}
    if as_json:
        click.echo(json.dumps({"schema": "amo-migrate/status/1", "migrations": words}))
    else:
        click.echo(report.table(("migration", "state"), sorted(words.items())))


def _verify(state: migrating.State) -> None:
    if not state.is_current:
        findings = [f"pending: {file.stem}" for file in state.pending]
        findings += [f"edited: {name}" for name in state.edited]
        findings += [f"unknown: {name}" for name in state.unknown]
        raise SchemaError(
            "the schema is not the one of this version",
            detail="\n".join(findings),
            hint="pending: bin/migrate up; edited: restore the released file; "
            "unknown: use the version that wrote it",
        )
