"""What the progress of a load and of a transform looks like, drawn by Rich."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from rich.console import Console
from rich.live import Live
from rich.text import Text

from loader.cli import logs
from loader.progress import is_stream

PER_SECOND = 4
# As high as the smallest terminals; a larger one is not filled either.
LINES = 24
BAR = 12
# What a rate is measured over.
SECONDS = 10.0


@contextmanager
def drawn(draw: Callable[[Console], Text]) -> Iterator[None]:
    """Draw it on stderr again and again, and take it away at the end."""
    console = Console(stderr=True)
    live = Live(
        console=console,
        get_renderable=lambda: draw(console),
        refresh_per_second=PER_SECOND,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
    with logs.above(console), live:
        # A second Ctrl-C ends us at once, and must not leave a terminal without a cursor.
        console.show_cursor(True)
        yield


class Rate:
    """How fast a count grows, looked at whenever it is drawn."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int]] = deque([(time.monotonic(), 0)])

    def per_second(self, count: int) -> float:
        """Over the last seconds; 0 while nothing came."""
        now = time.monotonic()
        self._seen.append((now, count))
        while len(self._seen) > 2 and self._seen[0][0] < now - SECONDS:
            self._seen.popleft()
        since, before = self._seen[0]
        # Of the first moments too little is known: one request is no rate of ten a second.
        return (count - before) / max(now - since, 1.0)


@dataclass(slots=True)
class Row:
    """One reading: a stream, or a step of its own."""

    known: int | None  # pages last time
    done: int = 0
    status: str = ""
    ended_at: float = 0.0
    rate: Rate = field(default_factory=Rate)

    @property
    def total(self) -> int | None:
        """Pages it will have had, as far as that is known."""
        if self.status:
            return self.done
        return None if self.known is None else max(self.known, self.done)


class LoadDrawing:
    """A line per stream that is read or has just ended, and the sum of all below."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # told by the main thread, drawn by another one
        self._rows: dict[str, Row] = {}
        self._known: Mapping[str, int] = {}
        self._limit = 0.0
        self._requests: Callable[[], int] = lambda: 0
        self._rate = Rate()
        self._began = time.monotonic()

    def begun(self, known: Mapping[str, int], limit: float, requests: Callable[[], int]) -> None:
        """As Watcher.begun."""
        with self._lock:
            self._known, self._limit, self._requests = known, limit, requests

    def opened(self, reading: str) -> None:
        """As Watcher.opened."""
        with self._lock:
            # A step beside the streams is short: the length of the whole is not unknown by it.
            self._rows[reading] = Row(self._known.get(reading, None if is_stream(reading) else 0))

    def landed(self, reading: str) -> None:
        """As Watcher.landed."""
        with self._lock:
            self._rows[reading].done += 1

    def ended(self, reading: str, status: str) -> None:
        """As Watcher.ended."""
        with self._lock:
            row = self._rows[reading]
            row.status, row.ended_at = status, time.monotonic()

    def draw(self, console: Console) -> Text:
        """The lines as they are now.

        Plain text: a table of Rich takes ten times as long, from the threads that read.
        """
        with self._lock:
            room = min(console.height, LINES) - 3
            text = _text(f"{'stream':<29}  {'':<{BAR}}  {'pages':>14}  {'rate':>7}  {'ETA':>8}\n")
            text.stylize("bold")
            for name, row in self._chosen(room):
                self._add(text, name, row, console)
            return text.append(self._sum())

    def _chosen(self, room: int) -> list[tuple[str, Row]]:
        """Those that get on, then those that ended last, then those that wait; in their order."""

        def rank(item: tuple[str, Row]) -> tuple[int, float]:
            row = item[1]
            return (1, -row.ended_at) if row.status else (0 if row.done else 2, 0.0)

        chosen = {name for name, _ in sorted(self._rows.items(), key=rank)[: max(room, 1)]}
        return [(name, row) for name, row in self._rows.items() if name in chosen]

    def _add(self, text: Text, name: str, row: Row, console: Console) -> None:
        rate = row.rate.per_second(row.done)
        left = None if row.total is None else row.total - row.done
        text.append(f"{name[:29]:<29}  ")
        _bar(text, row.done, row.total, console)
        text.append(
            f"  {_of(row.done, row.total):>14}  {'' if row.status else f'{rate:.1f}/s':>7}"
            f"  {row.status or _eta(left, rate):>8}\n"
        )

    def _sum(self) -> str:
        """Where a list is of unknown length, so is the whole."""
        rows = self._rows
        totals = [row.total for row in rows.values()]
        totals += [pages for name, pages in self._known.items() if name not in rows]
        done = sum(row.done for row in rows.values())
        total = None if None in totals or not rows else sum(filter(None, totals))
        rate = self._rate.per_second(self._requests())
        limit = f" of {self._limit:g}" if self._limit else ""
        streams = {name for name in rows.keys() | self._known.keys() if is_stream(name)}
        ended = sum(bool(rows[name].status) for name in streams & rows.keys())
        return (
            f"total: {_of(done, total)} pages, {rate:.1f}{limit} requests/s,"
            f" {ended} of {len(streams)} streams, "
            + (
                _clock(time.monotonic() - self._began)
                if total is None
                else f"ETA {_eta(total - done, rate)}"
            )
        )


class FilesDrawing:
    """One line: which file runs, and how many of all are done."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._file = "looking at what was staged"
        self._begun = self._count = 0

    def on_file(self, file: str, count: int) -> None:
        """As OnFile."""
        self._file, self._begun, self._count = file, self._begun + 1, count

    def draw(self, console: Console) -> Text:
        """The line as it is now."""
        done = max(self._begun - 1, 0)
        # In slices a file runs more than once.
        total = self._count if done < self._count else None
        text = _text()
        _bar(text, done, total, console)
        elapsed = _clock(time.monotonic() - self._began)
        name = self._file.removeprefix("transforms/")
        return text.append(f"  {_of(done, total)} files  {elapsed}  {name}")


def _text(start: str = "") -> Text:
    """Lines that are cut where the terminal ends."""
    return Text(start, no_wrap=True, overflow="ellipsis")


def _bar(text: Text, done: int, total: int | None, console: Console) -> None:
    """As long as BAR; blank where nothing is known."""
    if not total:
        text.append(" " * BAR)
        return
    sign = "=" if console.options.ascii_only else "━"
    is_plain = console.no_color or console.options.ascii_only
    full = round(BAR * done / total)
    text.append(sign * full, "green")
    text.append(("." if is_plain else sign) * (BAR - full), "bright_black")


def _of(done: int, total: int | None) -> str:
    return f"{done} of {total}" if total else str(done)


def _eta(left: int | None, rate: float) -> str:
    if left is None or rate <= 0:
        return ""
    return _clock(left / rate)


def _clock(seconds: float) -> str:
    return str(timedelta(seconds=round(seconds)))
