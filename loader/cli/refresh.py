"""bin/refresh."""

from __future__ import annotations

import json
import time
from typing import Any

import click

from loader import config as configuration
from loader import db, retention, summary, versions
from loader import refresh as refreshing
from loader.cli import progress, shared
from loader.cli.main import common, output
from loader.cli.signals import StopOnSignal
from loader.db import Connection
from loader.refresh import Night, Watching


@click.command()
@shared.max_delete_pct
@shared.chunk_rows
@click.option(
    "--persistent",
    is_flag=True,
    help="Switch autovacuum off meanwhile on tables of 1,000,000 rows and more.",
)
@click.option("--system", "has_system", is_flag=True, help="With --persistent: the server as well.")
@click.option(
    "--keep-staging", is_flag=True, help="Leave the pages in staging until the next load begins."
)
@shared.base_url
@shared.rate
@click.option("--json", "as_json", is_flag=True, help="The summary as JSON on stdout.")
@common
def refresh(
    max_delete_pct: float,
    chunk_rows: int | None,
    persistent: bool,
    has_system: bool,
    keep_staging: bool,
    base_url: str | None,
    rate: str | None,
    as_json: bool,
    verbose: int,
    quiet: bool,
) -> None:
    """The nightly job: load everything, transform it, clean up. One line in cron.

    Says nothing when all is well. When not: ERROR, DETAIL with what is safe, HINT with what to
    type, and the exit code of what went wrong. However it ends, the next one repairs what is
    left: a load is continued within 12 hours, a transform begins again, settings are restored.

    \b
    1. the lock of this database: a second refresh exits 50 and names the first
    2. what would make the night pointless: schema, rights, pooler, disk
    3. bin/load, all streams; one that fails does not keep the others back
       (exit 20)
    4. bin/transform, with its checks, then VACUUM (ANALYZE) of what changed
    5. retention: staging is emptied, the ledger of pages is kept for
       AMO_KEEP_PAGES_DAYS (60), runs and metrics for AMO_KEEP_RUNS_DAYS (400)

    \b
    Settings: AMO_BASE_URL, AMO_ACCESS_TOKEN_FILE, AMO_RATE  as for bin/load
              PG* or AMO_DSN       the database, as the owner of the tables
              AMO_KEEP_PAGES_DAYS, AMO_KEEP_RUNS_DAYS
              AMO_TEXTFILE         metrics for Prometheus go there
    Files:    amo.toml or AMO_CONFIG
    Exit:     0 ok, 2 usage, 3 SQL error, 20 partial, 22 delete guard,
              50 locked, 56 cannot connect, 58 schema, 60 token refused,
              61 blocked, 75 try again later, 130/143 signal

    \b
    Examples:
      bin/refresh -v                       by day, watched
      bin/refresh --max-delete-pct 30      once, when so much is really gone
      AMO_CONFIG=/etc/amo-loader/amo.toml /opt/amo-loader/bin/refresh
    """
    out = output(verbose, quiet)
    if has_system and not persistent:
        raise click.UsageError("--system goes with --persistent")
    config = configuration.load({"base_url": base_url, "rate": rate})
    wishes = refreshing.Wishes(
        keep=retention.wanted(config, staging=keep_staging),
        history=versions.wanted(config),
        chunk_rows=chunk_rows,
        max_delete_percent=max_delete_pct,
        is_persistent=persistent,
        has_system=has_system,
        watching=Watching(lambda: progress.load(out), lambda: progress.transform(out)),
    )
    started = time.monotonic()
    with db.server(config) as dsn:
        with StopOnSignal() as stop:
            night = refreshing.refresh(config, dsn, wishes, stop)
        with db.connect(dsn, command="refresh") as connection:
            whole = _summary(connection, night, time.monotonic() - started)
    if as_json:
        click.echo(json.dumps(whole, ensure_ascii=False))
    out.say(summary.as_text(whole))
    if night.trouble:
        raise night.trouble


def _summary(connection: Connection, night: Night, seconds: float) -> dict[str, Any]:
    assert night.load_id is not None  # noqa: S101 - without a load there is an error
    assert night.transform is not None  # noqa: S101 - nor without a transform
    found = summary.as_json(connection, night.load_id, night.transform.run_id, seconds)
    code = night.trouble.exit_code if night.trouble else 0
    return found | {"run_id": night.run_id, "exit_code": code}
