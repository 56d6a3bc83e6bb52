"""bin/report."""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from loader import config as configuration
from loader import db, migrate
from loader.chronicle import facts
from loader.chronicle.facts import Wanted
from loader.cli.main import common, output
from loader.errors import UsageError

# Nothing hides a setting of the server, which the page shows; times are in its time zone.
_OPTIONS = "-c statement_timeout=5min -c lock_timeout=5s -c default_transaction_read_only=on"

_FILE = "amo-report.html"


@click.command()
@click.argument("run_id", type=click.IntRange(1, 2**63 - 1), required=False)
@click.option(
    "--last",
    type=click.IntRange(1, 1000),
    default=30,
    show_default=True,
    metavar="N",
    help="How many runs up to that one are shown beside it.",
)
@click.option("-o", "--output", "target", metavar="FILE", help=f"Default: {_FILE}; - for stdout.")
@click.option(
    "--no-samples",
    is_flag=True,
    help="Leave out what people typed into amoCRM: rejected values, names of duplicates.",
)
@click.option("--json", "as_json", is_flag=True, help="The same figures as JSON, on stdout.")
@common
def report(
    run_id: int | None, last: int, target: str | None, no_samples: bool, as_json: bool,
    verbose: int, quiet: bool,
) -> None:  # fmt: skip
    """One HTML page about a run and the runs before it.

    RUN_ID is that of a load, a transform or a refresh; without one it is the newest. The page is
    one file without scripts that asks the network for nothing: for a browser, or to be mailed.
    Times are in the time zone of the database; PGTZ=Europe/Moscow says another one.

    Nothing is written into the database. See docs/REPORT.md.

    \b
    Settings: PG* or AMO_DSN  the database; with neither, the one under AMO_HOME
    Files:    amo-report.html in the current folder, or -o FILE
    Exit:     0 ok, 2 usage or a run that is not there, 56 cannot connect,
              58 schema

    \b
    Examples:
      bin/report                                  the newest run
      bin/report --last 90 --no-samples -o -      90 runs, on stdout
      bin/report --json | jq '.runs[0]'
    """
    out = output(verbose, quiet)
    with (
        db.server(configuration.load({})) as dsn,
        db.connect(dsn, command="report", options=_OPTIONS) as connection,
    ):
        migrate.require_ours(connection)
        found = facts.gather(connection, Wanted(run_id, last, has_samples=not no_samples))
    text = json.dumps(found, ensure_ascii=False, default=_time) if as_json else _page(found)
    target = target or ("-" if as_json else _FILE)
    if target == "-":
        click.echo(text)
        return
    _write(Path(target), text + "\n")
    out.say(f"{target}: {os.path.getsize(target) / 1000:.0f} kB")  # noqa: PTH202


def _time(value: datetime) -> str:
    return value.isoformat()


def _page(found: dict[str, Any]) -> str:
    try:
        from loader.chronicle import page  # noqa: PLC0415 - not part of every installation
    except ImportError as exc:
        raise UsageError(
            "what draws the page is not installed",
            detail=str(exc),
            hint="pip install 'amo-loader[report]'; --json does without",
        ) from exc
    return page.render(found)


def _write(file: Path, text: str) -> None:
    """Whole or not at all: a reader sees the page before or the page after."""
    file = file.resolve()
    if file.exists() and not file.is_file() and not file.is_dir():
        file.write_text(text, encoding="utf-8")  # a pipe or a device
        return
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        beside.write_text(text, encoding="utf-8")
        beside.replace(file)
    except OSError as exc:
        raise UsageError(
            f"{file} cannot be written",
            detail=exc.strerror or str(exc),
            hint="-o FILE names another one; its folder must be there and writable",
        ) from exc
    finally:
        beside.unlink(missing_ok=True)
