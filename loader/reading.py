"""What is read together, and in which order: steps that wait for one another."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import InitVar, dataclass, field
from itertools import islice
from typing import Literal

from loader.errors import AmoError
from loader.ledger import Staged
from loader.paging import Listing

Status = Literal["", "complete", "skipped", "failed"]

# There may be a hundred thousand lists of one page each: they are made as they are needed.
OPEN_AT_ONCE = 50


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """One reading of a course: opened when all steps that it comes after have ended."""

    name: str
    after: frozenset[str]
    open: Callable[[], Iterable[Listing]]  # raises TemporaryError when it cannot be known
    # What is to be done with what came; pages are staged by then.
    close: Callable[[Reading], None] = lambda reading: None
    may_lose_lists: bool = False  # one of many may go away while the others are read
    is_urgent: bool = False  # others wait for it


@dataclass(slots=True, eq=False)
class Reading:
    """The lists of a step while they are read; it has a status when they came to an end."""

    step: Step
    lists: InitVar[Iterable[Listing]]
    lost: int = 0  # lists of many that went away
    pages: int = 0  # that brought something, and what they brought
    rows: int = 0
    open: list[Listing] = field(init=False)
    since: float = field(default_factory=time.monotonic)
    status: Status = ""
    message: str = ""
    error: AmoError | None = None
    is_whole: bool = True
    _waiting: Iterator[Listing] = field(init=False)

    def __post_init__(self, lists: Iterable[Listing]) -> None:
        self._waiting = iter(lists)
        self.open = list(islice(self._waiting, OPEN_AT_ONCE))
        self.is_whole = all(listing.is_whole for listing in self.open)

    @property
    def name(self) -> str:
        """That of its step."""
        return self.step.name

    @property
    def seconds(self) -> float:
        """Since it was opened."""
        return time.monotonic() - self.since

    @property
    def figures(self) -> dict[str, object]:
        """How it went, for the log."""
        return {
            "stream": self.name, "status": self.status, "pages": self.pages, "rows": self.rows,
            "seconds": round(self.seconds, 3),
        }  # fmt: skip

    def note(self, page: Staged) -> None:
        """Count a page that held something."""
        self.pages += 1
        self.rows += page.rows

    def drop(self, listing: Listing) -> None:
        """Done with one of the open lists: the next one takes its place."""
        self.open.remove(listing)
        self.open += islice(self._waiting, 1)

    def end(self, status: Status, message: str = "", error: AmoError | None = None) -> None:
        """What is still in flight of it is committed and not looked at."""
        self.status, self.message, self.error = status, message, error
        self.open, self._waiting = [], iter(())


class Course:
    """The steps of a load; those that nothing holds back run at the same time."""

    def __init__(self) -> None:
        self._waiting: list[Step] = []
        self._ended: set[str] = set()

    def add(self, steps: Iterable[Step]) -> None:
        """More to do, also while the course is run."""
        self._waiting += steps

    def note_ended(self, name: str) -> None:
        """A step that an earlier process has done."""
        self._ended.add(name)

    def ready(self) -> list[Reading]:
        """Open what waits for nothing any more; closes at once what has no lists."""
        readings: list[Reading] = []
        while step := self._next():
            reading = Reading(step, [])
            try:
                reading = Reading(step, step.open())
            except AmoError as exc:
                reading.end("failed", exc.what, exc)
            if reading.open:
                readings.append(reading)
            else:
                self._close(reading)
        return readings

    def closed(self, reading: Reading) -> list[Reading]:
        """Conclude a reading that has ended, and open what waited for it."""
        self._close(reading)
        return self.ready()

    def _next(self) -> Step | None:
        for step in self._waiting:
            if not step.after - self._ended:
                self._waiting.remove(step)
                return step
        return None

    def _close(self, reading: Reading) -> None:
        if not reading.status:
            reading.end("complete")
        reading.step.close(reading)
        self._ended.add(reading.name)
