"""bin/tune indexes."""

from __future__ import annotations

import json

import click

from loader import config as configuration
from loader import db, migrate
from loader.cli.main import common, output
from loader.cli.shared import Number
from tuning import index_report

# Who holds a lock is not waited for, so that a transform beside us is not waited for 200 times.
_OPTIONS = (
    "-c statement_timeout={timeout} -c lock_timeout=200ms -c default_transaction_read_only=on"
    " -c timezone=UTC -c client_connection_check_interval=2s"
)


@click.command()
@click.option(
    "--timeout",
    "timeout_seconds",
    type=Number(min=0.001),
    default=3.0,
    show_default=True,
    metavar="SECONDS",
    help="For each statement. A transform that starts meanwhile gives up after 5.",
)
@click.option("--json", "as_json", is_flag=True, help="As JSON on stdout.")
@common
def indexes(timeout_seconds: float, as_json: bool, verbose: int, quiet: bool) -> None:
    """Which indexes are missing, invalid, duplicate or unused, and where updates are not HOT.

    Nothing is written. What transforms write is planned, never run; checks and views of mart are
    run in read-only transactions. Indexes of others on our tables count as well. Each finding
    comes with the statement to paste. -v: all indexes, and what takes them.

    \b
    Settings: PG* or AMO_DSN  the database; with neither, the one under AMO_HOME
    Exit:     0 ok, also with findings, 2 usage, 56 cannot connect, 58 schema

    \b
    Examples:
      bin/tune indexes
      bin/tune indexes --json | jq '.findings'
    """
    output(verbose, quiet)
    options = _OPTIONS.format(timeout=f"{timeout_seconds * 1000:.0f}ms")
    with (
        db.server(configuration.load({})) as dsn,
        db.connect(dsn, command="tune", options=options) as connection,
    ):
        migrate.require_ours(connection)
        found = index_report.examine(connection, timeout_seconds)
    if as_json:
        click.echo(json.dumps(index_report.document(found), ensure_ascii=False))
    else:
        click.echo(index_report.text(found, shows_all=verbose > 0))
