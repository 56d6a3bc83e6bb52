"""Which page of a list to ask for next: pure, knows neither HTTP nor PostgreSQL.

Several pages of one list are in flight at a time, so that the allowed rate is used whatever
the latency. How long a list is, the API does not say; the previous load knows about it.
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


@dataclass(slots=True)
class Listing:
    """One list of a stream while it is read; `expected` is its length in pages last time."""

    stream: Stream
    path: str
    parent: Mapping[str, str]  # names the parent entity; empty for a list without one
    limit: int | None
    expected: int = 0
    staged: dict[int, Staged] = field(default_factory=dict)
    in_flight: set[int] = field(default_factory=set)
    _next: int = 1
    _end: int | None = None
    _empty: set[int] = field(default_factory=set)
    _again: list[int] = field(default_factory=list)
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
        if self._end is not None or self._is_too_heavy:
            return None
        # Not before what stands in front of it has come back: a short page would be the end.
        if self._again and not any(page_no < self._again[0] for page_no in self.in_flight):
            page_no = self._again.pop()
            self.in_flight.add(page_no)
            return page_no
        if self._next > 1 and not self._may_run_ahead():
            return None
        page_no = self._next
        self._next += 1
        self.in_flight.add(page_no)
        return page_no

    def put(self, page_no: int, page: Staged) -> None:
        """Note a page that was staged. Raises TemporaryError when the list does not move on."""
        self.in_flight.discard(page_no)
        if self._is_too_heavy:
            return
        if page.rows == 0 and self.limit is not None:
            self._put_empty(page_no)
            return
        self.staged[page_no] = page
        self._empty.discard(page_no)
        for other in (page_no - 1, page_no + 1):
            neighbour = self.staged.get(other)
            if neighbour and page.rows and neighbour.first_id == page.first_id:
                raise TemporaryError(
                    f"amoCRM repeats one page of {self.stream.name}",
                    detail=f"pages {page_no} and {other} begin with the same id",
                    hint="what was there before is untouched; run the same command later",
                )
        # A short page with `next` is not the end, and a full one without it is not either:
        # the link lies both ways (facts §3.5).
        if self.limit is None or not (page.rows >= self.limit or page.has_next):
            self._end = page_no if self._end is None else min(self._end, page_no)

    def _put_empty(self, page_no: int) -> None:
        """An early 204 was seen (facts §1.4): the one that would end the list is asked twice.

        Pages behind the end that were asked for ahead are empty too and prove nothing.
        """
        if page_no in self._empty:
            if any(other > page_no for other in self.staged):
                raise TemporaryError(
                    f"amoCRM gives pages of {self.stream.name} behind an empty one",
                    detail=f"page {page_no} was empty twice",
                    hint="what was there before is untouched; run the same command later",
                )
            if page_no == min(self._empty):
                self._end = page_no if self._end is None else min(self._end, page_no)
        elif not self._empty or page_no < min(self._empty):
            self._empty.add(page_no)
            self._again = [page_no]

    def too_heavy(self, page_no: int, cause: str) -> None:
        """The server found this page too heavy: go on from the first missing one with half
        the size, once what is in flight has come back. Raises TemporaryError at the smallest."""
        self.in_flight.discard(page_no)
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
        missing = next(n for n in range(1, self._next + 1) if n not in self.staged)
        self.limit //= 2
        # From the same row, or a few before it: rows that come twice are superseded.
        self._next = 2 * missing - 1
        self._is_too_heavy = False
        self.expected *= 2
        self.staged.clear()
        self._empty.clear()
        self._again.clear()

    @property
    def is_complete(self) -> bool:
        """The end was seen and nothing is under way."""
        return self._end is not None and not self.in_flight

    def _may_run_ahead(self) -> bool:
        if self._next <= self.expected:
            return True
        if self._empty:
            return False  # whether it is the end is being asked
        if not self.staged:
            return False  # the first page may be all there is, or a refusal
        beyond = sum(1 for page_no in self.in_flight if page_no > self.expected)
        are_full = all(
            page.rows >= (self.limit or 0) and page.has_next for page in self.staged.values()
        )
        # Last time's length, or a short page, says that the end is near: one at a time.
        return beyond < (AHEAD if are_full and not self.expected else 1)

    def _without_page(self) -> dict[str, str]:
        limit = {} if self.limit is None else {"limit": str(self.limit)}
        return dict(self.stream.parameters) | limit
