"""bin/tune."""

from __future__ import annotations

import json
from collections.abc import Sequence

import click

from loader import config as configuration
from loader import report
from loader.cli import owned
from loader.cli.advise import advise
from loader.cli.indexes import indexes
from loader.cli.main import common, output
from loader.cli.shared import Number
from loader.cli.watchdog import status
from loader.errors import SqlError, TemporaryError, UsageError
from tuning import collect, holder, plan, revert
from tuning.apply import apply as apply_plan
from tuning.change import BUSY, FAILED, NO_EFFECT, REFUSED, RESTORED, Change

patience = click.option(
    "--patience",
    "patience_seconds",
    type=Number(min=0),
    default=15.0,
    show_default=True,
    metavar="SECONDS",
    help="For all locks together.",
)


@click.group(commands=[advise, indexes, status])
def tune() -> None:
    """Settings of PostgreSQL around large loads; what is changed is noted and comes back.

    advise, indexes and measure only look. apply changes, revert undoes, status shows what is in
    force. bin/load and bin/transform need none of it.

    \b
    Settings: PG* or AMO_DSN  the database; with neither, the one under AMO_HOME
    Exit:     see each of them

    \b
    Examples:
      bin/tune advise                 what should be, and why
      bin/tune status                 what is in force, by whomever
      bin/tune apply --help
    """


@tune.command()
@click.option("--dry-run", is_flag=True, help="Print what would be done, and stop.")
@click.option(
    "--table", "names", multiple=True, metavar="NAME", help="Only this table of amo; repeatable."
)
@click.option(
    "--min-rows",
    type=click.IntRange(min=0),
    default=0,
    metavar="N",
    help="Leave smaller tables alone.",
)
@click.option("--system", "has_system", is_flag=True, help="Settings of the server as well.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="With --system: this value instead of the profile's; repeatable.",
)
@click.option(
    "--deadline",
    "hours",
    type=Number(min=0, min_open=True, max=24 * 7),
    default=12.0,
    show_default=True,
    metavar="HOURS",
    help="After that, the next load, transform or bin/tune undoes it.",
)
@patience
@click.option("--json", "as_json", is_flag=True, help="The result as JSON on stdout.")
@common
def apply(
    dry_run: bool, names: tuple[str, ...], min_rows: int, has_system: bool,
    settings: tuple[str, ...], hours: float, patience_seconds: float, as_json: bool,
    verbose: int, quiet: bool,
) -> None:  # fmt: skip
    """Before a large load: no autovacuum on the tables of amo, until bin/tune revert.

    With --system also more room between checkpoints. Each change is noted in
    ops.tuning_journal with what was there before. bin/load and bin/transform need none of it.

    \b
    Settings: PG* or AMO_DSN  the database, as the owner of the tables
    Files:    postgresql.auto.conf of the server, with --system
    Exit:     0 ok, 2 refused (nothing was changed), 3 PostgreSQL refused some,
              56 cannot connect, 58 schema, 75 some were busy

    \b
    Examples:
      bin/tune apply --dry-run --system
      bin/tune apply --min-rows 1000000 --deadline 6
      bin/tune apply --system --set max_wal_size=8GB
    """
    output(verbose, quiet)
    chosen, config = _settings(settings, has_system), configuration.load({})
    with owned.connection() as connection:
        revert.recover(connection)
        space = collect.wal_space_bytes(connection, config) if has_system else None
        changes = plan.make(connection, plan.Wanted(names, min_rows, has_system, chosen, space))
        refused = [change for change in changes if change.outcome == REFUSED]
        if not refused and not dry_run:
            changes = apply_plan(connection, changes, holder.person(hours), patience_seconds)
    _show(changes, "apply", as_json=as_json, dry_run=dry_run)
    if refused:
        raise UsageError(
            "nothing was changed: some of it would be refused",
            detail=_lines(refused),
            hint="--table NAME leaves the others out; near wraparound: VACUUM (FREEZE) first;"
            " a table is changed by its owner; a missing GRANT is given by a superuser",
        )
    _raise_failed(changes, "not all of it is applied", "bin/tune apply again, or bin/tune revert")


@tune.command(name="revert")
@click.option("--dry-run", is_flag=True, help="Print what would be tried, and stop.")
@click.option("--no-vacuum", is_flag=True, help="Leave VACUUM (ANALYZE) to autovacuum.")
@patience
@click.option("--json", "as_json", is_flag=True, help="The result as JSON on stdout.")
@common
def revert_command(
    dry_run: bool, no_vacuum: bool, patience_seconds: float, as_json: bool,
    verbose: int, quiet: bool,
) -> None:  # fmt: skip
    """Undo bin/tune apply and what killed runs left; then VACUUM (ANALYZE).

    Only what is still as we left it; what somebody changed meanwhile is kept and named. What
    a run that is alive still needs, that run undoes. Any number of times.

    \b
    Settings: PG* or AMO_DSN  the database, as the owner of the tables
    Exit:     0 ok, 2 usage, 3 PostgreSQL refused some, 56 cannot connect,
              58 schema, 75 some were busy: the same command again

    \b
    Examples:
      bin/tune revert --dry-run
      bin/tune revert --patience 60
    """
    out = output(verbose, quiet)
    leaving = revert.Leaving(holder.person(0).key, patience_seconds)
    with owned.connection() as connection:
        if dry_run:
            _show(revert.would(connection, leaving), "revert", as_json=as_json, dry_run=True)
            return
        changes = revert.revert(connection, leaving)
        left_out = [] if no_vacuum else revert.vacuum(connection, changes)
    _show(changes, "revert", as_json=as_json, dry_run=False)
    for line in left_out:
        out.say(f"not vacuumed: {line}")
    if any(change.outcome == RESTORED for change in changes) and not no_vacuum:
        out.say("vacuumed and analyzed")
    _raise_failed(changes, "not all of it is undone", "bin/tune revert again")


def _settings(given: Sequence[str], has_system: bool) -> dict[str, str]:
    if given and not has_system:
        raise click.UsageError("--set goes with --system")
    pairs = [text.partition("=") for text in given]
    if bad := [name for name, equals, value in pairs if not equals or not value]:
        raise click.UsageError(f"--set {bad[0]}: NAME=VALUE is wanted")
    return {name: value for name, _, value in pairs}


def _show(changes: Sequence[Change], what: str, *, as_json: bool, dry_run: bool) -> None:
    if as_json:
        shown = {
            "schema": f"amo-tune/{what}/1",
            "dry_run": dry_run,
            "changes": [_as_json(change) for change in changes],
        }
        click.echo(json.dumps(shown, ensure_ascii=False))
    elif changes:
        head = ("statement", "before", "outcome", "detail")
        rows = [(c.statement, c.before or "not set", c.outcome, c.detail) for c in changes]
        click.echo(report.table(head, rows))
    else:
        click.echo("nothing to do")


def _as_json(change: Change) -> dict[str, object]:
    names = ("kind", "object", "name", "before", "statement", "outcome", "detail")
    return {name: getattr(change, name) for name in names}


def _lines(changes: Sequence[Change]) -> str:
    return "\n".join(revert.describe(change) for change in changes)


def _raise_failed(changes: Sequence[Change], what: str, hint: str) -> None:
    failed = [change for change in changes if change.outcome in (FAILED, NO_EFFECT)]
    busy = [change for change in changes if change.outcome == BUSY]
    if failed:
        raise SqlError(what, detail=_lines([*failed, *busy]), hint=hint)
    if busy:
        raise TemporaryError(what, detail=_lines(busy), hint=hint)
