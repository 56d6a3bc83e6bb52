"""bin/transform."""

from __future__ import annotations

import json
import time
from dataclasses import asdict

import click

from loader import config as configuration
from loader import db, migrate, plan, report
from loader import transform as transforming
from loader.cli.main import Output, common, output
from loader.transform import Step


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--dry-run", is_flag=True, help="Print files, versions and rows waiting, and stop.")
@click.option(
    "--rebuild",
    is_flag=True,
    help="Go through all kept documents again, without asking amoCRM; with NAME only these tables.",
)
@click.option("--json", "as_json", is_flag=True, help="The summary as JSON on stdout.")
@common
def transform(
    names: tuple[str, ...], dry_run: bool, rebuild: bool, as_json: bool, verbose: int, quiet: bool
) -> None:
    """Bring amo.* and mart.* up to what was staged.

    The SQL files of sql/transforms run in one transaction, followed by sql/checks: readers see
    the old state or the new one, and a failing file or check leaves everything as it was. Only
    what changed is parsed and written. When a file of steps 2 or 3 was edited since it last
    ran, the table of its name is made again from all kept documents.

    Exit: 0 ok, 2 usage, 3 SQL error or failed check, 50 locked, 56 cannot connect, 58 schema,
    75 the staged pages were lost in a server crash: run bin/load again.
    """
    out = output(verbose, quiet)
    if names and not rebuild:
        raise click.UsageError("NAME goes with --rebuild")
    wanted = list(names) if rebuild else None
    config = configuration.load({})
    with db.server(config) as dsn, db.connect(dsn, command="transform") as connection:
        if dry_run:
            if migrate.inspect(connection).is_empty:
                click.echo("the database is empty: bin/load comes first")
                return
            migrate.require_current(connection)
            _show_plan(plan.make_plan(connection, wanted))
            return
        started = time.monotonic()
        steps: list[Step] = []
        run_id = transforming.transform(connection, wanted, steps.append)
    seconds = time.monotonic() - started
    if as_json:
        click.echo(json.dumps(_as_json(run_id, seconds, steps), ensure_ascii=False))
    _say_summary(out, steps, seconds)


def _show_plan(todo: plan.Plan) -> None:
    rows = [(f"sql/{f.name}.sql", f.head("Version"), state) for f, state in todo.files]
    click.echo(report.table(("file", "version", "state"), rows))
    click.echo(
        f"{todo.waiting_rows} rows on {todo.waiting_pages} pages wait in staging"
        + ("; all documents will be gone through again" if todo.takes_all_documents else "")
    )
    if todo.remade:
        names = ", ".join(dict.fromkeys(file.stem for file in todo.remade))
        click.echo(f"made again from all documents, because a file was edited: {names}")


def _say_summary(out: Output, steps: list[Step], seconds: float) -> None:
    """Files that wrote rows, and the total."""
    rows = [_row(s.file.removeprefix("transforms/"), [s]) for s in steps if _has_written(s)]
    head = ("file", "inserted", "updated", "deleted", "WAL", "time")
    out.say(report.table(head, rows, (*_row("total", steps)[:-1], f"{seconds:.1f}s")))


def _has_written(step: Step) -> bool:
    return bool(step.inserted or step.updated or step.deleted)


def _row(name: str, steps: list[Step]) -> tuple[object, ...]:
    return (
        name,
        sum(s.inserted for s in steps),
        sum(s.updated for s in steps),
        sum(s.deleted for s in steps),
        f"{sum(s.wal_bytes for s in steps) / 1e6:.1f}MB",
        f"{sum(s.seconds for s in steps):.1f}s",
    )


def _as_json(run_id: int, seconds: float, steps: list[Step]) -> dict[str, object]:
    return {
        "schema": "amo-transform/run/1",
        "run_id": run_id,
        "seconds": round(seconds, 3),
        "inserted": sum(s.inserted for s in steps),
        "updated": sum(s.updated for s in steps),
        "deleted": sum(s.deleted for s in steps),
        "wal_bytes": sum(s.wal_bytes for s in steps),
        "files": [asdict(step) for step in steps],
    }
