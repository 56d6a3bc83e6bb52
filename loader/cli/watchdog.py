"""bin/tune status."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, LiteralString

import click

from loader import report
from loader.cli import owned
from loader.cli.main import common, output
from loader.errors import UsageError

_STATUS: LiteralString = """
    SELECT kind, object, name, value, state, journal_id, since::text, deadline::text, pids,
        last_error, live_rows, dead_rows, last_vacuum::text, xid_age
    FROM ops.tuning_watchdog
    ORDER BY state = 'by design', object, name
"""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON on stdout.")
@common
def status(as_json: bool, verbose: int, quiet: bool) -> None:
    """Every table of this database whose autovacuum is off, and all that is not undone yet.

    state: held; overdue, past a deadline; orphaned, its run ended without undoing it; foreign,
    not by us; by design, tables of staging (with -v).

    \b
    Settings: PG* or AMO_DSN  the database; with neither, the one under AMO_HOME
    Exit:     0 ok, 2 something is orphaned or overdue, 56 cannot connect,
              58 schema

    \b
    Examples:
      bin/tune status -v
      bin/tune status --json | jq '.settings[] | select(.state == "orphaned")'
    """
    output(verbose, quiet)
    with owned.connection() as connection:
        cursor = connection.execute(_STATUS)
        names = [column.name for column in cursor.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in cursor]
    if as_json:
        click.echo(json.dumps({"schema": "amo-tune/status/1", "settings": rows}))
    else:
        _show_status(rows, shows_all=verbose > 0)
    if bad := [row for row in rows if row["state"] in ("orphaned", "overdue")]:
        raise UsageError(
            "settings are in force that nobody needs any more",
            detail="\n".join(
                f"{row['state']}: {row['name']} = {row['value']} of {row['object']}"
                + (f" ({row['last_error']})" if row["last_error"] else "")
                for row in bad
            ),
            hint="bin/tune revert",
        )


def _show_status(rows: Sequence[dict[str, Any]], *, shows_all: bool) -> None:
    shown = [row for row in rows if shows_all or row["state"] != "by design"]
    names = ("object", "name", "value", "state", "deadline", "dead_rows", "last_vacuum")
    if shown:
        click.echo(report.table(names, [tuple(row[name] for name in names) for row in shown]))
    if hidden := len(rows) - len(shown):
        click.echo(f"{hidden} tables of staging have autovacuum off by design")
