"""The root command, what all commands share, and the one place where errors become exits."""

from __future__ import annotations

import errno
import logging
import os
import re
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, TypeVar

import click
import psycopg

from loader import __version__, db
from loader.cli import logs
from loader.errors import AmoError, TemporaryError, UsageError

F = TypeVar("F", bound=Callable[..., object])


# Where the flag waits for output(), so that no command has to hand it on.
_LOG_FORMAT = "amo.log_format"


@dataclass(frozen=True, slots=True)
class Output:
    """What of a run is shown: `is_chatty` when a person watches or asked for it."""

    verbosity: int
    quiet: bool
    is_json: bool = False  # the logs, and all else on stderr

    @property
    def is_chatty(self) -> bool:
        return not self.quiet and (self.verbosity > 0 or sys.stderr.isatty())

    @property
    def is_watched(self) -> bool:
        """True when progress can be drawn: on a terminal that can move its cursor."""
        can_draw = os.environ.get("TERM", "").lower() not in ("", "dumb", "unknown")
        return sys.stderr.isatty() and can_draw and not self.quiet and not self.is_json

    def say(self, text: str) -> None:
        """Something for a person, on stderr; cron hears nothing."""
        if not self.is_chatty:
            return
        logs.flush()
        if self.is_json:
            logs.logger.info("%s", text)
        else:
            with suppress(OSError):  # the work is done, whether or not it can be told
                click.echo(text, err=True)


def _keep_format(context: click.Context, _parameter: click.Parameter, value: str | None) -> None:
    if value is not None:
        context.meta[_LOG_FORMAT] = value


def common(command: F) -> F:
    """The options of every command: -v, -q, --log-format, --version."""
    command = click.version_option(__version__, "-V", "--version", prog_name="amo-loader")(command)
    command = click.option(
        "--log-format",
        type=click.Choice(logs.FORMATS),
        expose_value=False,
        callback=_keep_format,
        help="Of what goes to stderr, instead of AMO_LOG_FORMAT.  [default: text]",
    )(command)
    command = click.option("-q", "--quiet", is_flag=True, help="Errors only.")(command)
    return click.option("-v", "--verbose", count=True, help="Say more; -vv for debugging.")(command)


def log_format() -> str | None:
    """What --log-format says; None without it."""
    format_ = click.get_current_context().meta.get(_LOG_FORMAT)
    return None if format_ is None else str(format_)


def output(verbose: int, quiet: bool) -> Output:
    """Set logging up: warnings to stderr, more with -v, only errors with -q."""
    shown = Output(0 if quiet else verbose, quiet, logs.wanted(log_format()))
    logs.start(logging.ERROR if quiet else logging.WARNING, as_json=shown.is_json)
    if shown.verbosity or (shown.is_json and shown.is_chatty):
        logging.getLogger("amo").setLevel(logging.DEBUG if verbose > 1 else logging.INFO)
    if shown.verbosity > 1:
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
        status,
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
        status.status,
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
        _fail(exc)
    except psycopg.Error as exc:
        logs.logger.debug("unexpected error of PostgreSQL", exc_info=exc)
        _fail(db.explain(exc))
    except click.UsageError as exc:
        # A checkout has `amo load` as bin/load, and so do the docs.
        path = (exc.ctx.command_path if exc.ctx else "amo").replace("amo ", "bin/", 1)
        logs.start_for_refused(sys.argv[1:])
        _fail(UsageError(exc.format_message(), hint=f"{path} --help"))
    except click.Abort:
        sys.exit(130)
    except OSError as exc:
        if exc.errno != errno.ENOSPC or exc.filename is not None:
            raise
        _fail(TemporaryError("the output cannot be written", detail=str(exc), hint="free space"))
    except Exception as exc:
        if not logs.is_json():
            raise
        logs.logger.critical("a bug: %s", exc, exc_info=exc, extra={"code": 1})
        sys.exit(1)
    finally:
        logs.flush()


def _fail(error: AmoError) -> NoReturn:
    """The error, with the commands by the names that they have here: a wheel has no bin/."""
    if Path(sys.argv[0]).name == "amo":
        ours = re.compile(rf"(?<![\w/])bin/(?=(?:{'|'.join(cli.commands)})\b)")
        parts = (ours.sub("amo ", part) for part in (error.what, error.detail, error.hint))
        error.what, error.detail, error.hint = parts
    logs.fail(error)
    sys.exit(error.exit_code)
