"""bin/transform."""

from __future__ import annotations

import json
import time
from dataclasses import asdict

import click

from loader import config as configuration
from loader import db, migrate, plan, report, versions
from loader import transform as transforming
from loader.cli import progress, shared
from loader.cli.main import Output, common, output
from loader.statements import SENT
from loader.step import Step
from loader.transform import Done


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--dry-run", is_flag=True, help="Print files, versions and rows waiting, and stop.")
@click.option(
    "--rebuild",
    is_flag=True,
    help="Go through all kept documents again, without asking amoCRM; with NAME only these tables.",
)
@shared.chunk_rows
@click.option(
    "--history",
    is_flag=True,
    help="Keep every version of each document in amo.document_versions.",
)
@click.option(
    "--history-days",
    metavar="N",
    help="With --history: delete versions N days after they were replaced or deleted.",
)
@click.option("--json", "as_json", is_flag=True, help="The summary as JSON on stdout.")
@common
def transform(
    names: tuple[str, ...],
    dry_run: bool,
    rebuild: bool,
    chunk_rows: int | None,
    history: bool,
    history_days: str | None,
    as_json: bool,
    verbose: int,
    quiet: bool,
) -> None:
    """Bring amo.* and mart.* up to what was staged.

    The SQL files of sql/transforms run in one transaction, followed by sql/checks: readers see
    the old state or the new one, and a failing file or check leaves everything as it was. Only
    what changed is parsed and written. When a file that makes rows was edited since it last
    ran, the table of its name is made again from all kept documents, and duplicates with it.

    With --chunk-rows the documents are one transaction, then the tables follow N documents at a
    time, then come derived tables and views. Readers see an entity with all that belongs to it as
    it was or as it is, but some entities before others. What a kill leaves is carried on by the
    next transform; a --rebuild that was killed is to be repeated.

    --history keeps what documents were: amo.documents_as_of('2026-03-01'). It is for this run;
    AMO_HISTORY=on, or history = true in amo.toml, is for all. See docs/HISTORY.md.

    \b
    Settings: PG* or AMO_DSN  the database; with neither, the one under AMO_HOME
              AMO_HISTORY, AMO_HISTORY_DAYS  as --history, for all runs
    Files:    sql/transforms/*, sql/checks/*, amo.toml or AMO_CONFIG
    Exit:     0 ok, 2 usage, 3 SQL error or failed check, 50 locked,
              56 cannot connect, 58 schema, 75 the staged pages were lost in
              a server crash: run bin/load again, 130/143 signal

    \b
    Examples:
      bin/load && bin/transform
      bin/transform --dry-run             what is due, and why
      bin/transform --rebuild phones      again, after a change of its rules
      bin/transform --chunk-rows 50000    short transactions
    """
    out = output(verbose, quiet)
    if names and not rebuild:
        raise click.UsageError("NAME goes with --rebuild")
    wanted = list(names) if rebuild else None
    config = configuration.load(
        {"history": "on" if history else None, "history_days": history_days}
    )
    keep = versions.wanted(config)
    if history_days and not keep:
        raise click.UsageError("--history-days goes with --history")
    with db.server(config) as dsn, db.connect(dsn, command="transform") as connection:
        if dry_run:
            if migrate.inspect(connection).is_empty:
                click.echo("the database is empty: bin/load comes first")
                return
            migrate.require_current(connection)
            todo = plan.make_plan(connection, wanted, keeps_history=keep is not None)
            _show_plan(todo)
            if keep and todo.explodes:
                click.echo(versions.outlook(connection, keep))
            return
        started = time.monotonic()
        steps: list[Step] = []
        with progress.transform(out) as on_file:
            done = transforming.transform(
                connection, wanted, steps.append, chunk_rows, keep, on_file=on_file
            )
    seconds = time.monotonic() - started
    if as_json:
        click.echo(json.dumps(_as_json(done, seconds, steps), ensure_ascii=False))
    _say_summary(out, steps, seconds)
    out.say(_say_time(done))


def _show_plan(todo: plan.Plan) -> None:
    rows = [(f"sql/{f.name}.sql", f.head("Version"), state) for f, state in todo.files]
    click.echo(report.table(("file", "version", "state"), rows))
    click.echo(
        f"{todo.waiting_rows} rows on {todo.waiting_pages} pages wait in staging"
        + ("; all documents will be gone through again" if todo.takes_all_documents else "")
    )
    if todo.carried_on:
        click.echo(f"{todo.carried_on} documents of an interrupted transform wait for their rows")
    if todo.remade:
        names = ", ".join(dict.fromkeys(file.stem for file in todo.remade))
        click.echo(f"made again from all documents, because a file was edited: {names}")


def _say_summary(out: Output, steps: list[Step], seconds: float) -> None:
    """Files that wrote rows, and the total."""
    rows = [_row(s.file.removeprefix("transforms/"), [s]) for s in steps if _has_written(s)]
    head = ("file", "inserted", "updated", "deleted", "WAL", "time")
    out.say(report.table(head, rows, (*_row("total", steps)[:-1], f"{seconds:.1f}s")))


def _say_time(done: Done) -> str:
    """How the work was divided, and what it took of the server."""
    slowest = max(done.slices)
    sliced = f"{len(done.slices)} slices, the slowest {slowest:.1f} s; " if done.is_sliced else ""
    return (
        f"{sliced}longest transaction {done.longest_seconds:.1f} s;"
        f" {SENT.so_far().statements} messages with SQL"
    )


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


def _as_json(done: Done, seconds: float, steps: list[Step]) -> dict[str, object]:
    return {
        "schema": "amo-transform/run/1",
        "run_id": done.run_id,
        "seconds": round(seconds, 3),
        "longest_transaction_seconds": round(done.longest_seconds, 3),
        "slice_seconds": [round(slice_seconds, 3) for slice_seconds in done.slices],
        "statements": SENT.so_far().statements,
        "inserted": sum(s.inserted for s in steps),
        "updated": sum(s.updated for s in steps),
        "deleted": sum(s.deleted for s in steps),
        "rejected": sum(s.rejected for s in steps),
        "wal_bytes": sum(s.wal_bytes for s in steps),
        "files": [asdict(step) for step in steps],
    }
