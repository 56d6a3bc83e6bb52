"""Which page of a list to ask for next: pure, knows neither HTTP nor PostgreSQL.

Several pages of one list are in flight at a time, so that the allowed rate is used whatever
the latency. How long a list is, the API does not say: the previous load knows about it, else
it is probed for. A list is complete when its end is known and every page before the end is
staged, in whatever order they came.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from loader.errors import TemporaryError
from loader.ledger import Staged
from loader.pruning import Follow, Keep
from loader.streams import Stream

SMALLEST_LIMIT = 25

# So many probes may find nothing, the second only where it spares a long way.
MISSES = 2
LONG_WAY = 8

_LATER = "what was there before is untouched; run the same command later"


class Ignored(Exception):  # noqa: N818 - there is another way to ask
    """amoCRM ignored the filter or the order that was asked for."""


@dataclass(frozen=True, slots=True)
class Since:
    """Only what changed since a moment (Unix seconds) is wanted, newest first where by_order."""

    moment: int
    by_order: bool = False


@dataclass(slots=True, eq=False)
class Listing:
    """One list of a stream while it is read; `expected` is its length in pages last time."""

    stream: Stream
    path: str
    parameters: Mapping[str, str]  # of the query, without page and limit
    limit: int | None  # None: the list has no paging
    labels: Mapping[str, str] = field(default_factory=dict)  # for the ledger only
    # For the query only: many ids, and other filters that may find nothing.
    asked: Mapping[str, str | Sequence[str]] = field(default_factory=dict)
    expected: int = 0
    since: Since | None = None
    keep: Keep | None = None
    follow: Follow | None = None
    most: int | None = None  # so many entities does its filter let pass, its Keep perhaps fewer
    is_whole: bool = False  # all entities of the stream: what is not in it is missing
    is_single: bool = False  # the answer is an entity without a list around it
    is_doubtful: bool = False  # nothing there: asked a second time before it is believed
    only_page: int | None = None  # this one, whatever is in it
    # Read in its place when what it asks for is ignored; None: it asks for nothing special.
    fallback: tuple[Listing, ...] | None = None
    staged: dict[int, Staged] = field(default_factory=dict)
    in_flight: set[int] = field(default_factory=set)
    _first: int = 1  # pages before it were staged with a larger limit
    _next: int = 1
    _missing: int = 1  # the lowest page that is not staged
    _ends: set[int] = field(default_factory=set)  # last pages, and pages that were empty twice
    _empty: set[int] = field(default_factory=set)  # empty once
    _probes: set[int] = field(default_factory=set)
    _is_too_heavy: bool = False

    def __post_init__(self) -> None:
        if self.only_page is not None:
            self._first = self._next = self._missing = self.only_page

    def query(self, page_no: int) -> dict[str, str | Sequence[str]]:
        """Query parameters of one page; a list is sent as several of the same name."""
        page = {} if self.limit is None else {"page": str(page_no)}
        return {**self._without_page(), **self.asked, **page}

    def params(self) -> dict[str, str]:
        """What the ledger keeps: the query without the page number, and the labels."""
        return self._without_page() | dict(self.labels)

    def take(self) -> int | None:
        """The next page to ask for, or None while there is nothing to do but wait."""
        if self._is_too_heavy:
            return None
        page_no = self._in_doubt() or self._in_order() or self._probe()
        if page_no is not None:
            self.in_flight.add(page_no)
        return page_no

    def put(self, page_no: int, page: Staged) -> None:
        """Note what a page held.

        Raises Ignored when it is not what was asked for, TemporaryError when the list cannot
        be believed.
        """
        self.in_flight.discard(page_no)
        self._refuse_ignorance(page)
        if page.held == 0 and self.limit is not None:
            self._put_empty(page_no)
            return
        self._refuse_repetition(page_no, page)
        self._empty.discard(page_no)
        self.staged[page_no] = page
        while self._missing in self.staged:
            self._missing += 1
        # A short page with `next` is not the end, and a full one without it is not either:
        # the link lies both ways (facts §3.5).
        if self.limit is None or self.only_page or not self._is_followed(page):
            self._ends.add(page_no)

    def too_heavy(self, page_no: int, cause: str) -> None:
        """The server found this page too heavy: go on from the first missing one with half
        the size, once what is in flight has come back. Raises TemporaryError at the smallest."""
        self.in_flight.discard(page_no)
        end = self._end()
        if end is not None and page_no > end:
            return
        if self.limit is None or self.limit // 2 < SMALLEST_LIMIT:
            raise TemporaryError(
                f"amoCRM finds even small pages of {self.stream.name} too heavy",
                detail=cause,
                hint="run the same command later, it continues",
            )
        self._is_too_heavy = True

    def settle(self) -> None:
        """Start over with smaller pages when the last of the heavy ones has come back."""
        if not self._is_too_heavy or self.in_flight or self.limit is None:
            return
        self.limit //= 2
        # From the same row, or a few before it: rows that come twice are superseded.
        self._first = self._next = self._missing = 2 * self._missing - 1
        self.expected *= 2
        for pages in (self.staged, self._ends, self._empty, self._probes):
            pages.clear()
        self._is_too_heavy = False

    @property
    def is_complete(self) -> bool:
        """The end was seen, all before it is staged and nothing is under way."""
        end = self._end()
        return (
            end is not None
            and self._missing >= end
            and not self.in_flight
            and not self._is_too_heavy
        )

    def _end(self) -> int | None:
        """The last page, as far as is known; one with rows behind it was none."""
        last = max(self.staged, default=0)
        return min((page_no for page_no in self._ends if page_no >= last), default=None)

    def _is_followed(self, page: Staged) -> bool:
        """Does it look as if there were a page behind this one?"""
        if self.since and self.since.by_order and (page.oldest or 0) < self.since.moment:
            return False
        return page.held >= (self.limit or 0) or page.has_next

    def _in_doubt(self) -> int | None:
        """The lowest page that was empty once, when no page before it is still to come.

        An early 204 was seen (facts §1.4). A short page before it makes the question idle.
        """
        page_no = min(self._empty, default=None)
        if page_no is None or page_no in self.in_flight or self._missing < page_no:
            return None
        end = self._end()
        return page_no if end is None or page_no < end else None

    def _known(self) -> int:
        """The last page that has rows, or had them last time."""
        hoped = min([self.expected, *(page_no - 1 for page_no in self._empty)])
        return max(hoped, max(self.staged, default=self._first - 1))

    def _in_order(self) -> int | None:
        """The next page that is there, or whose absence would be the end."""
        while self._next in self.staged or self._next in self.in_flight:
            self._next += 1
        if self._next in self._empty:
            return None
        known, end = self._known(), self._end()
        if self._next <= (max(known, self._first) if end is None else end):
            return self._next
        if end is not None:
            return None
        last = self.staged.get(known)
        return self._next if last and self._next == known + 1 and self._is_followed(last) else None

    def _probe(self) -> int | None:
        """A page far ahead: when it has rows, all before it are there and need no order."""
        known = self._known()
        last = self.staged.get(known)
        if known == self._first or last is None or not self._is_followed(last):
            return None
        if self._end() or any(page_no > known + 1 for page_no in self.in_flight):
            return None
        beyond = min(self._empty, default=None)
        missed = len(self._probes & self._empty)
        if missed >= MISSES or (beyond and missed and beyond - known < LONG_WAY):
            return None
        page_no = (known + beyond) // 2 if beyond else known + max(2, known // 2)
        if page_no <= known + 1:
            return None
        self._probes.add(page_no)
        return page_no

    def _put_empty(self, page_no: int) -> None:
        # The early 204s that were seen came behind full pages.
        may_be_nothing = self.asked and page_no == 1
        if page_no not in self._empty and not may_be_nothing:
            self._empty.add(page_no)
        elif page_no < max(self.staged, default=0):
            raise TemporaryError(
                f"amoCRM gives pages of {self.stream.name} behind an empty one",
                detail=f"page {page_no} was empty twice",
                hint=_LATER,
            )
        else:
            self._ends.add(page_no)

    def _refuse_ignorance(self, page: Staged) -> None:
        if self.fallback is None:
            return
        since = self.since
        is_older = since and page.oldest is not None and page.oldest < since.moment
        if since and since.by_order and not page.is_falling:
            raise Ignored(f"{self.path} does not come in the order of updated_at")
        if since and not since.by_order and is_older:
            raise Ignored(f"{self.path} is not filtered by updated_at")
        if not since and page.skipped and (self.most is None or page.held > self.most):
            raise Ignored(f"{self.path} is not filtered by id")

    def _refuse_repetition(self, page_no: int, page: Staged) -> None:
        for other in (page_no - 1, page_no + 1):
            neighbour = self.staged.get(other)
            if neighbour and page.first_id is not None and neighbour.first_id == page.first_id:
                raise TemporaryError(
                    f"amoCRM repeats one page of {self.stream.name}",
                    detail=f"pages {page_no} and {other} begin with the same id",
                    hint=_LATER,
                )

    def _without_page(self) -> dict[str, str]:
        limit = {} if self.limit is None else {"limit": str(self.limit)}
        return dict(self.parameters) | limit
