"""Logs on stderr: as text or as JSON, in batches, above whatever is drawn there."""

from __future__ import annotations

import itertools
import logging
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from logging.handlers import MemoryHandler
from typing import TYPE_CHECKING

import click
from pythonjsonlogger.json import JsonFormatter

from loader import config as configuration
from loader.errors import AmoError, UsageError

if TYPE_CHECKING:
    from rich.console import Console

FORMATS = ("text", "json")
TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"

# A line is held back for no longer than that many others, and that many seconds.
BATCH = 100
BATCH_SECONDS = 2.0

logger = logging.getLogger("amo")


class _Json(JsonFormatter):
    """One object a line: timestamp, level, logger, message, and the fields of `extra`."""

    def __init__(self) -> None:
        super().__init__(
            "%(asctime)s %(levelname)s %(name)s %(message)s",
            rename_fields={"asctime": "timestamp", "levelname": "level", "name": "logger"},
            json_ensure_ascii=False,
        )

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802
        """ISO 8601 in UTC, milliseconds."""
        moment = datetime.fromtimestamp(record.created, UTC)
        return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class _Lines(logging.StreamHandler):  # type: ignore[type-arg] # of text, since it is stderr
    """Writes to stderr; while something is drawn there, above it."""

    console: Console | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """One line; if it is too long, it is the terminal that wraps it."""
        if self.console is None:
            super().emit(record)
            return
        try:
            self.console.out(self.format(record), highlight=False)
        except Exception:
            self.handleError(record)


class Batches(MemoryHandler):
    """Writes many lines at once: a warning, the hundredth, or the clock brings all of them."""

    def __init__(self, target: logging.Handler) -> None:
        super().__init__(BATCH, flushLevel=logging.WARNING, target=target)
        self._timer: threading.Timer | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Keep it; the first one of a batch sets the clock."""
        super().emit(record)
        if self.buffer and self._timer is None:
            self._timer = threading.Timer(BATCH_SECONDS, self.flush)
            self._timer.daemon = True
            try:
                self._timer.start()
            except RuntimeError:  # Python is about to end: there is no clock any more
                self.flush()

    def flush(self) -> None:
        """Write what was kept; from any thread."""
        self.acquire()
        try:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            super().flush()
        finally:
            self.release()


class _FirstPages(logging.Filter):
    """Lets the first pages through, and then makes it cheap to have none."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most
        self._numbers = itertools.count(1)  # threads take them

    def filter(self, record: logging.LogRecord) -> bool:
        """True for a page that is to be seen, and for all that is no DEBUG."""
        if record.levelno > logging.DEBUG:
            return True
        number = next(self._numbers)
        if number >= self._most:
            PAGES.setLevel(logging.INFO)
        return number <= self._most


if sys.stderr is None:  # closed by who started us, which is no reason not to work
    sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - to the end
PAGES = logging.getLogger("amo.page")
_TARGET = _Lines(sys.stderr)


def wanted(flag: str | None) -> bool:
    """True for JSON, by flag, environment or amo.toml. Raises UsageError for a wrong value."""
    if flag is not None:
        return flag == "json"  # also when the rest of the configuration is broken
    setting = configuration.load({}).settings["log_format"]
    if setting.value not in FORMATS:
        raise UsageError(
            "the format of the logs is neither text nor json",
            detail=f"{setting.value!r} from {setting.origin}",
            hint="AMO_LOG_FORMAT=json, or leave it unset",
        )
    return setting.value == "json"


def start(level: int, *, as_json: bool) -> None:
    """Log to stderr from now on; a person at a terminal gets each line at once."""
    _TARGET.setFormatter(_Json() if as_json else logging.Formatter(TEXT))
    handler = _TARGET if sys.stderr.isatty() else Batches(_TARGET)
    logging.basicConfig(level=level, handlers=[handler])


def debug_pages(count: int) -> None:
    """Log the first pages of a load in detail, whatever else is logged."""
    PAGES.setLevel(logging.DEBUG)
    PAGES.addFilter(_FirstPages(count))


def flush() -> None:
    """Write what is held back."""
    for handler in logging.getLogger().handlers:
        with suppress(OSError, ValueError):  # nobody reads it any more
            handler.flush()


@contextmanager
def above(console: Console) -> Iterator[None]:
    """Lines go above what is drawn on the console meanwhile."""
    _TARGET.console = console
    try:
        yield
    finally:
        _TARGET.console = None


def is_json() -> bool:
    """True when the logs are JSON."""
    return isinstance(_TARGET.formatter, _Json)


def fail(error: AmoError) -> None:
    """The last words of a command: three lines, or one of JSON."""
    flush()
    if not is_json():
        with suppress(OSError):  # its exit code is heard where a full disk hears no words
            click.echo("\n".join(error.lines()), err=True)
        return
    parts = {
        "code": error.exit_code, "what": error.what, "detail": error.detail, "hint": error.hint,
    }  # fmt: skip
    logger.error("%s", error.what, extra=parts)
    flush()


def start_for_refused(arguments: Sequence[str]) -> None:
    """The same format for a command line that was refused before it could be read."""
    if logging.getLogger().handlers:
        return
    flag = None
    for argument, following in zip(arguments, [*arguments[1:], ""], strict=True):
        name, _, value = argument.partition("=")
        if name == "--log-format":
            flag = value or following
    try:
        start(logging.ERROR, as_json=wanted(flag))
    except UsageError:
        start(logging.ERROR, as_json=False)
