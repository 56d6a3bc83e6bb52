"""bin/load."""

from __future__ import annotations

import json
import time

import click
from click.core import ParameterSource

from loader import companies, cost, db, report, selection, streams
from loader import config as configuration
from loader import load as loading
from loader.cli import logs, progress, shared
from loader.cli.main import common, log_format, output
from loader.cli.signals import StopOnSignal
from loader.errors import AmoError, Interrupted, UsageError
from loader.lists import Outcome
from loader.progress import Watcher


@click.group(invoke_without_command=True)
@click.option(
    "--mode",
    type=click.Choice(["full", "incremental"]),
    default="full",
    show_default=True,
    help="All, or only what changed since the last load.",
)
@click.option(
    "--stream", "names", multiple=True, metavar="NAME", help="Only this stream; repeatable."
)
@click.option(
    "--companies",
    "expressions",
    multiple=True,
    metavar="EXPR",
    help="Only the companies that match, and their contacts, leads, customers, tasks and notes; "
    "see above. Repeatable: all must be true.",
)
@click.option(
    "--resume/--fresh",
    default=None,
    help="Continue the newest unfinished load, however old or partial / never continue one. "
    "Default: continue one of the last 12 hours.",
)
@click.option("--add-account", is_flag=True, help="Take a second account into this database.")
@shared.max_delete_pct
@shared.base_url
@shared.rate
@click.option("--show-config", is_flag=True, help="Print the effective settings and stop.")
@click.option(
    "--debug-pages",
    type=click.IntRange(min=1),
    metavar="N",
    help="Log the first N pages in detail, whatever else is logged.",
)
@click.option("--json", "as_json", is_flag=True, help="The summary as JSON on stdout.")
@common
@click.pass_context
def load(
    context: click.Context,
    mode: str,
    names: tuple[str, ...],
    expressions: tuple[str, ...],
    resume: bool | None,
    add_account: bool,
    max_delete_pct: float,
    base_url: str | None,
    rate: str | None,
    show_config: bool,
    debug_pages: int | None,
    as_json: bool,
    verbose: int,
    quiet: bool,
) -> None:
    """Load an amoCRM account into the staging tables.

    Every page of the API is committed together with its row in the ledger ops.pages, so that
    a load that was stopped, killed or cut off is continued by the next one, which asks only
    for what is missing. bin/transform then brings amo.* and mart.* up to date.

    \b
    EXPR:     123,456 or id:123,456   ids
              @FILE or id:@FILE       ids, one a line or with commas; - is stdin
              tag:NAME                who carries that tag
              user:ID[,ID]            responsible users
              field:ID=VALUE          a custom field: id of an option, or text
              since:2026-11-01[T10:00[:00][Z|+03:00]]
                                      changed since; UTC without a zone

    \b
    Settings: AMO_BASE_URL           https://mycompany.amocrm.ru
              AMO_ACCESS_TOKEN_FILE  the long-lived token, in a file of mode
                                     0600; or OAuth: bin/load auth --help
              AMO_RATE               requests a second, at most 7
              PG* or AMO_DSN         the database; with neither, one under
                                     AMO_HOME is started
    Files:    amo.toml or AMO_CONFIG; --show-config says what holds
    Exit:     0 ok, 2 usage, 20 partial, 22 delete guard, 50 locked,
              56 cannot connect, 58 schema, 60 token refused, 61 blocked,
              75 try again later, 130/143 signal

    \b
    Examples:
      bin/load && bin/transform
      bin/load --mode incremental && bin/transform
      bin/load --companies tag:VIP --companies since:2026-11-01
      bin/load --stream talks -v
    """
    if context.invoked_subcommand:
        _refuse_options(context)
        return
    out = output(verbose, quiet)
    if debug_pages and not quiet:
        logs.debug_pages(debug_pages)
    flags = {"base_url": base_url, "rate": rate, "log_format": log_format()}
    config = configuration.load(flags)
    if show_config:
        click.echo(report.table(("setting", "value", "origin"), config.show()))
        return
    chosen = _choose(expressions, names, mode)
    options = loading.Options(
        streams=companies.streams() if chosen else streams.select(names),
        mode="companies" if chosen else mode,
        selection=chosen,
        resume=resume,
        may_add_account=add_account,
        max_delete_percent=max_delete_pct,
    )
    started = time.monotonic()
    with db.server(config) as dsn, StopOnSignal() as stop:
        with progress.load(out) as watcher:
            outcome = _load(config, dsn, options, stop, watcher)
        with db.connect(dsn, command="load") as connection:
            rows = report.load_streams(connection, outcome.run.id)
            metrics = cost.load_metrics(connection, outcome.run.id, rows)
    if as_json:
        click.echo(
            json.dumps(
                {
                    "schema": "amo-load/run/1",
                    "run_id": outcome.run.id,
                    "account_id": outcome.run.account_id,
                    "resumed": outcome.run.resumed,
                    "seconds": round(time.monotonic() - started, 3),
                    "streams": rows,
                    "metrics": metrics,
                },
                ensure_ascii=False,
            )
        )
    summary = report.load_summary(rows, time.monotonic() - started)
    out.say("\n".join(filter(None, (summary, cost.lines(metrics)))))


def _load(
    config: configuration.Config,
    dsn: str,
    options: loading.Options,
    stop: StopOnSignal,
    watcher: Watcher,
) -> Outcome:
    """Whatever error a stop led to, it is the signal that is reported."""
    try:
        outcome = loading.load(config, dsn, options, stop.event, watcher)
    except AmoError as exc:
        if stop.number is None:
            raise
        raise Interrupted(stop.number) from exc
    if stop.number is not None:
        raise Interrupted(stop.number)
    return outcome


def _choose(
    expressions: tuple[str, ...], names: tuple[str, ...], mode: str
) -> selection.Selection | None:
    if not expressions:
        return None
    if names or mode == "incremental":
        raise UsageError(
            "--companies is a load of its own",
            detail=f"it was called with {'--stream' if names else '--mode incremental'}",
            hint="leave that away: what is linked to the companies is read with them",
        )
    return selection.parse(expressions, _read_ids)


def _read_ids(name: str) -> str:
    """The text of a file, or of stdin for a dash."""
    try:
        with click.open_file(name, encoding="utf-8-sig") as file:
            return str(file.read())
    except (OSError, UnicodeDecodeError) as exc:
        raise UsageError(
            "the ids of --companies cannot be read",
            detail=f"{name or 'no name of a file'}: {exc}",
            hint="--companies @FILE: one id a line, or with commas; @- reads stdin",
        ) from exc


def _refuse_options(context: click.Context) -> None:
    """The options of a load before a subcommand would be forgotten without a word."""
    for name in context.params:
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise click.UsageError(f"options go after {context.invoked_subcommand}", context)
