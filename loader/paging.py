"""Which page of a list to ask for next: pure, knows neither HTTP nor PostgreSQL.

Several pages of one list are in flight at a time, so that the allowed rate is used whatever
the latency. How long a list is, the API does not say; the previous load knows about it.
A list is complete when its end is known and every page before the end is staged, in whatever
order they came.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from loader.errors import TemporaryError
from loader.staging import Staged
from loader.streams import Stream

SMALLEST_LIMIT = 25

# Where the end of a list is unknown, so many pages may be in flight: at most two too many.
AHEAD = 3

_LATER = "what was there before is untouched; run the same command later"


@dataclass(slots=True, eq=False)
class Listing:
    """One list of a stream while it is read; `expected` is its length in pages last time."""

    stream: Stream
    path: str
    parent: Mapping[str, str]  # names the parent entity; empty for a list without one
    limit: int | None
    expected: int = 0
    staged: dict[int, Staged] = field(default_factory=dict)
    in_flight: set[int] = field(default_factory=set)
    _first: int = 1  # pages before it were staged with a larger limit
    _next: int = 1
    _missing: int = 1  # the lowest page that is not staged
    _ends: set[int] = field(default_factory=set)  # short pages, and pages that were empty twice
    _empty: set[int] = field(default_factory=set)  # empty once
    _is_too_heavy: bool = False

    def query(self, page_no: int) -> dict[str, str]:
        """Query parameters of one page."""
        return self._without_page() | ({} if self.limit is None else {"page": str(page_no)})

    def params(self) -> dict[str, str]:
        """What the ledger keeps: the query without the page number, and the parent."""
        return self._without_page() | dict(self.parent)

    def params_json(self) -> str:
        """The same as JSON with sorted keys."""
        return json.dumps(self.params(), sort_keys=True)

    def take(self) -> int | None:
        """The next page to ask for, or None while there is nothing to do but wait."""
        if self._is_too_heavy:
            return None
        page_no = self._in_doubt()
        if page_no is None:
            if self._end() is not None or not self._may_run_ahead():
                return None
            page_no = self._next
            self._next += 1
        self.in_flight.add(page_no)
        return page_no

    def put(self, page_no: int, page: Staged) -> None:
        """Note what a page held. Raises TemporaryError when the list cannot be believed."""
        self.in_flight.discard(page_no)
        if page.rows == 0 and self.limit is not None:
            self._put_empty(page_no)
            return
        self._refuse_repetition(page_no, page)
        self._empty.discard(page_no)
        self.staged[page_no] = page
        while self._missing in self.staged:
            self._missing += 1
        # A short page with `next` is not the end, and a full one without it is not either:
        # the link lies both ways (facts §3.5).
        if self.limit is None or not (page.rows >= self.limit or page.has_next):
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
        self.staged.clear()
        self._ends.clear()
        self._empty.clear()
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

    def _in_doubt(self) -> int | None:
        """The lowest page that was empty once, when no page before it is still to come.

        An early 204 was seen (facts §1.4). A short page before it makes the question idle.
        """
        page_no = min(self._empty, default=None)
        if page_no is None or page_no in self.in_flight or self._missing < page_no:
            return None
        end = self._end()
        return page_no if end is None or page_no < end else None

    def _put_empty(self, page_no: int) -> None:
        if page_no not in self._empty:
            self._empty.add(page_no)
        elif page_no < max(self.staged, default=0):
            raise TemporaryError(
                f"amoCRM gives pages of {self.stream.name} behind an empty one",
                detail=f"page {page_no} was empty twice",
                hint=_LATER,
            )
        else:
            self._ends.add(page_no)

    def _refuse_repetition(self, page_no: int, page: Staged) -> None:
        for other in (page_no - 1, page_no + 1):
            neighbour = self.staged.get(other)
            if neighbour and page.first_id is not None and neighbour.first_id == page.first_id:
                raise TemporaryError(
                    f"amoCRM repeats one page of {self.stream.name}",
                    detail=f"pages {page_no} and {other} begin with the same id",
                    hint=_LATER,
                )

    def _may_run_ahead(self) -> bool:
        if self._next <= self.expected:
            return True
        if self._next == self._first:
            return True
        if self._empty or not self.staged:
            return False  # the end is in question, or the first page may be all there is
        beyond = sum(1 for page_no in self.in_flight if page_no > self.expected)
        are_full = all(
            page.rows >= (self.limit or 0) and page.has_next for page in self.staged.values()
        )
        # Last time's length, or a short page, says that the end is near: one at a time.
        return beyond < (AHEAD if are_full and not self.expected else 1)

    def _without_page(self) -> dict[str, str]:
        limit = {} if self.limit is None else {"limit": str(self.limit)}
        return dict(self.stream.parameters) | limit
