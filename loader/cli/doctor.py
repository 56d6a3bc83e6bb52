"""bin/doctor."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import NoReturn

import click

from loader import config as configuration
from loader import db, doctor
from loader.cli.main import common, output
from loader.cli.shared import Number
from loader.config import Config
from loader.doctor import Check, Finding, Scene, show
from loader.errors import AmoError, ConnectError

# A check is over in milliseconds, or waits for a lock that a run holds.
_OPTIONS = f"{db.OPTIONS} -c lock_timeout=2s -c statement_timeout=15s"


@click.command(name="doctor")
@click.option("--check", "names", multiple=True, metavar="NAME", help="Only this one; repeatable.")
@click.option("--skip", "skipped", multiple=True, metavar="NAME", help="Not this one; repeatable.")
@click.option("--list", "lists", is_flag=True, help="Print the names of the checks, and stop.")
@click.option("--offline", is_flag=True, help="Do not ask amoCRM: no HTTP request.")
@click.option(
    "--max-age",
    "max_age",
    type=Number(min=0, min_open=True, max=24 * 366),
    default=26.0,
    show_default=True,
    metavar="HOURS",
    help="WARN when the last success is older, FAIL a day later.",
)
@click.option("--nagios", is_flag=True, help="As a plugin of Nagios: one line, figures, 0/1/2/3.")
@click.option("--json", "as_json", is_flag=True, help="As JSON on stdout.")
@common
def command(
    names: tuple[str, ...], skipped: tuple[str, ...], lists: bool, offline: bool, max_age: float,
    nagios: bool, as_json: bool, verbose: int, quiet: bool,
) -> None:  # fmt: skip
    """Is everything in place for the next night? Named checks, each OK, WARN, FAIL or SKIP.

    Nothing is changed, but that settings which a killed run left behind are undone, as every
    load and transform does. amoCRM is asked twice, in turn with all others. SKIP: there is
    nothing to look at, or it cannot be seen from here. docs/DOCTOR.md tells all checks.

    \b
    Settings: as for bin/load; AMO_WAL_SPACE  what WAL may take, where the
              disk of the server cannot be seen
    Files:    amo.toml or AMO_CONFIG
    Exit:     0 no check failed, 1 one did, 2 usage
    --nagios  0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN; what a role that only
              looks cannot do is no fault then
    -q        only what is not OK

    \b
    Examples:
      bin/doctor --offline -q
      bin/doctor --check disk --check token
      bin/doctor --nagios --max-age 50
    """
    if nagios and as_json:
        raise click.UsageError("--nagios or --json, not both")
    try:
        output(verbose, quiet)
        checks = doctor.choose(names, skipped)
        if lists:
            click.echo("\n".join(f"{check.name:<16}{check.title}" for check in checks))
            return
        with _scene(max_age, is_offline=offline, is_monitoring=nagios) as scene:
            findings = doctor.examine(scene, _with_connection(scene, checks))
    except AmoError as exc:
        if not nagios:
            raise
        _exit(*show.nagios_unknown(f"{exc.what}: {exc.detail}".rstrip(": ")))
    if nagios:
        _exit(*show.nagios(findings))
    if as_json:
        click.echo(json.dumps(show.as_json(findings), ensure_ascii=False))
    else:
        _show(findings, quiet=quiet)
    sys.exit(show.worst(findings) == doctor.FAIL)


def _exit(code: int, text: str) -> NoReturn:
    click.echo(text)
    sys.exit(code)


def _with_connection(scene: Scene, checks: list[Check]) -> list[Check]:
    """Where it is missing, that is what there is to say of a check that needs it."""
    first = doctor.CHECKS[0]
    is_missed = scene.connection is None and any(check.needs != "nothing" for check in checks)
    return [first, *checks] if is_missed and first not in checks else checks


def _show(findings: Sequence[Finding], *, quiet: bool) -> None:
    shown = [one for one in findings if not quiet or one.status in (doctor.WARN, doctor.FAIL)]
    if shown:
        click.echo(show.text(shown))


@contextmanager
def _scene(max_age_hours: float, *, is_offline: bool, is_monitoring: bool) -> Iterator[Scene]:
    """With a connection, or why there is none. Raises UsageError for a broken configuration."""
    config = configuration.load({})
    with ExitStack() as stack:
        dsn, connection, why_not = "", None, None
        try:
            dsn = stack.enter_context(_server(config))
            connection = stack.enter_context(db.connect(dsn, command="doctor", options=_OPTIONS))
        except AmoError as exc:
            why_not = exc
        yield Scene(config, connection, dsn, why_not, max_age_hours, is_offline, is_monitoring)


def _server(config: Config) -> AbstractContextManager[str]:
    """As for every command, but who looks makes no new database."""
    if config.uses_embedded_postgres() and not (config.home / "postgres").exists():
        raise ConnectError(
            "there is no database yet",
            detail="neither AMO_DSN nor PGHOST is set",
            hint=f"set one of them, or let bin/load make a database in {config.home}",
        )
    return db.server(config)
