"""bin/status."""

from __future__ import annotations

import json
from pathlib import Path

import click

from loader import config as configuration
from loader import db, migrate, status_text, textfile
from loader import status as reading
from loader.cli.main import common, output
from loader.streams import BY_NAME

# Nobody is waited for: a load and a transform may be at work.
_OPTIONS = (
    "-c default_transaction_read_only=on -c lock_timeout=500ms -c statement_timeout=60s"
    " -c timezone=UTC -c jit=off -c client_connection_check_interval=2s"
)


def _max_age(
    _context: click.Context, _parameter: click.Parameter, text: str | None
) -> float | None:
    if text is None:
        return None
    try:
        return reading.seconds(text)
    except ValueError as exc:
        raise click.BadParameter(f"{text!r}: 26h, 90m or 2d; a plain number is hours") from exc


@click.command()
@click.option(
    "--max-age",
    "max_seconds",
    metavar="AGE",
    callback=_max_age,
    help="Exit 1 when a stream was last read longer ago, or never: 26h, 90m, 2d.",
)
@click.option(
    "--stream",
    "names",
    multiple=True,
    type=click.Choice(list(BY_NAME)),
    metavar="NAME",
    help="With --max-age: only this stream; repeatable. Default: those of the full load.",
)
@click.option(
    "--textfile",
    "path",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Write metrics for Prometheus's node_exporter there, and print nothing.",
)
@click.option("--json", "as_json", is_flag=True, help="As JSON on stdout.")
@common
def status(
    max_seconds: float | None,
    names: tuple[str, ...],
    path: Path | None,
    as_json: bool,
    verbose: int,
    quiet: bool,
) -> None:
    """How fresh each stream is, what runs now and when it may be done, what it all takes.

    Nothing is started and nothing is changed: the session is read-only and waits for no lock, so
    it may be asked while a load and a transform are at work. -v: what was read and written by
    stream, watermarks, and all streams of a load that runs. -q: only the verdict of --max-age.
    The same in SQL: ops.v_status, ops.v_progress, ops.v_rejects, ops.v_drift.

    \b
    Settings: PG* or AMO_DSN  the database; with neither, the one under AMO_HOME
    Files:    amo.toml or AMO_CONFIG
    Exit:     0 ok, 1 older than --max-age, 2 usage, 3 no right to look,
              56 cannot connect, 58 schema, 75 try again later

    \b
    Examples:
      bin/status -v
      bin/status -q --max-age 26h || echo "amo: yesterday's data"
      bin/status --json | jq '.running'
    """
    output(verbose, quiet)
    if names and max_seconds is None:
        raise click.UsageError("--stream goes with --max-age")
    with (
        db.server(configuration.load({})) as dsn,
        db.connect(dsn, command="status", options=_OPTIONS) as connection,
    ):
        migrate.require_ours(connection)
        document = reading.read(connection)
    if path:
        textfile.save(document, path)
    if as_json:
        click.echo(json.dumps(document, ensure_ascii=False))
    elif not (quiet or path):
        click.echo(status_text.text(document, verbose))
    if max_seconds is not None:
        reading.require_fresh(document, max_seconds, names)
