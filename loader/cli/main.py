"""The root command, what all commands share, and the one place where errors become exits."""

from __future__ import annotations

import logging
import re
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import click
import psycopg

from loader import __version__, db
from loader.errors import AmoError

F = TypeVar("F", bound=Callable[..., object])


@dataclass(frozen=True, slots=True)
class Output:
    """What of a run is shown: `is_chatty` when a person watches or asked for it."""

    verbosity: int
    quiet: bool

    @property
    def is_chatty(self) -> bool:
        return not self.quiet and (self.verbosity > 0 or sys.stderr.isatty())

    def say(self, text: str) -> None:
        """A line for a person, on stderr; cron hears nothing."""
        if self.is_chatty:
            click.echo(text, err=True)


def common(command: F) -> F:
    """The options of every command: -v, -q, --version."""
    command = click.version_option(__version__, "-V", "--version", prog_name="amo-loader")(command)
    command = click.option("-q", "--quiet", is_flag=True, help="Errors only.")(command)
    return click.option("-v", "--verbose", count=True, help="Say more; -vv for debugging.")(command)


def output(verbose: int, quiet: bool) -> Output:
    """Set logging up: warnings to stderr, more with -v, only errors with -q."""
    level = logging.ERROR if quiet else logging.WARNING
    logging.basicConfig(
        stream=sys.stderr, level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    shown = Output(verbose, quiet)
    if shown.is_chatty:
        logging.getLogger("amo").setLevel(logging.DEBUG if verbose > 1 else logging.INFO)
    if verbose > 1:
        logging.getLogger("urllib3").setLevel(logging.DEBUG)
    return shown


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", prog_name="amo-loader")
def cli() -> None:
    """amoCRM / Kommo into PostgreSQL: complete, typed and clean, every night."""


def main() -> None:
    """Run a command; an AmoError becomes three lines on stderr and its exit code."""
    from loader.cli import (  # noqa: PLC0415 - they import `cli`
        auth,
        demo,
        doctor,
        load,
        measure,
        migrate,
        refresh,
        report,
        transform,
        tune,
    )

    load.load.add_command(auth.auth)
    tune.tune.add_command(measure.measure)
    for command in (
        load.load,
        transform.transform,
        refresh.refresh,
        doctor.command,
        report.report,
        migrate.migrate,
        tune.tune,
        demo.demo,
    ):
        cli.add_command(command)
    # As an exception, so that the embedded server is stopped on the way out.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    try:
        cli(prog_name="amo", standalone_mode=False)
    except AmoError as exc:
        _tell(exc.lines())
        sys.exit(exc.exit_code)
    except psycopg.Error as exc:
        logging.getLogger("amo").debug("unexpected error of PostgreSQL", exc_info=exc)
        error = db.explain(exc)
        _tell(error.lines())
        sys.exit(error.exit_code)
    except click.UsageError as exc:
        # A checkout has `amo load` as bin/load, and so do the docs.
        path = (exc.ctx.command_path if exc.ctx else "amo").replace("amo ", "bin/", 1)
        _tell([f"ERROR [2]: {exc.format_message()}", f"HINT: {path} --help"])
        sys.exit(2)
    except click.Abort:
        sys.exit(130)


def _tell(lines: list[str]) -> None:
    """An error, with the commands by the names that they have here: a wheel has no bin/."""
    text = "\n".join(lines)
    if Path(sys.argv[0]).name == "amo":
        text = re.sub(rf"(?<![\w/])bin/(?=(?:{'|'.join(cli.commands)})\b)", "amo ", text)
    click.echo(text, err=True)
