"""Which page is asked for next: the pure core, on lists of any length and habit."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loader.errors import TemporaryError
from loader.paging import AHEAD, SMALLEST_LIMIT, Listing
from loader.staging import Staged
from loader.streams import BY_NAME


def listing(expected: int = 0, limit: int | None = 250) -> Listing:
    return Listing(BY_NAME["leads"], "leads", {}, limit, expected)


class Account:
    """A list of `total` rows behind an API that has all the habits of facts §3.5."""

    def __init__(self, total: int, luck: random.Random, *, is_unruly: bool) -> None:
        self.total, self.luck, self.is_unruly = total, luck, is_unruly
        self.asked: list[tuple[int, int]] = []
        self.given: set[int] = set()
        self.early: set[tuple[int, int]] = set()

    def answer(self, limit: int, page_no: int) -> Staged | None:
        """A page, nothing (perhaps too early), or None for a 504."""
        self.asked.append((limit, page_no))
        first = (page_no - 1) * limit
        rows = range(first, min(first + limit, self.total))
        if self.is_unruly and rows and self.luck.random() < 0.1 and limit > 2 * SMALLEST_LIMIT:
            return None
        if self.is_unruly and self.luck.random() < 0.2 and (limit, page_no) not in self.early:
            self.early.add((limit, page_no))
            return Staged(0, has_next=False)
        self.given |= set(rows)
        has_next = first + limit < self.total
        if len(rows) == limit and self.is_unruly:
            has_next = self.luck.random() < 0.5
        return Staged(len(rows), has_next, str(first) if rows else None)


def read(reading: Listing, account: Account, in_flight: int) -> None:
    """Read a list to its end; answers come back in any order."""
    flying: list[tuple[int, Staged | None]] = []
    while not reading.is_complete:
        while len(flying) < in_flight and (page_no := reading.take()):
            flying.append((page_no, account.answer(reading.limit or 0, page_no)))
        page_no, page = flying.pop(account.luck.randrange(len(flying)))
        if page is None:
            reading.too_heavy(page_no, "504")
        else:
            reading.put(page_no, page)
        reading.settle()


SHAPES = {
    "total": st.integers(0, 30 * 250),
    "expected": st.integers(0, 40),
    "in_flight": st.integers(1, 12),
    "seed": st.integers(),
}


@settings(max_examples=500)
@given(**SHAPES)
def test_every_row_is_read_whatever_the_api_does(
    total: int, expected: int, in_flight: int, seed: int
) -> None:
    """Early 204s, 504s, `next` that lies, any order, any memory of the length."""
    account = Account(total, random.Random(seed), is_unruly=True)  # noqa: S311 - a test's dice

    try:
        read(listing(expected), account, in_flight)
    except TemporaryError as exc:
        assert "too heavy" in exc.what  # noqa: PT017 - the dice may fall so
    else:
        assert account.given == set(range(total))


@given(**SHAPES)
def test_little_is_asked_for_in_vain(total: int, expected: int, in_flight: int, seed: int) -> None:
    """Two pages too many, and the second look at an empty one."""
    account = Account(total, random.Random(seed), is_unruly=False)  # noqa: S311 - a test's dice

    read(listing(expected), account, in_flight)

    pages = -(-total // 250)
    assert account.given == set(range(total))
    if expected <= pages:  # a list that did not shrink
        assert len(account.asked) <= pages + AHEAD


def test_the_first_page_is_asked_for_alone() -> None:
    """It may be all there is, or a refusal."""
    reading = listing()

    assert reading.take() == 1
    assert reading.take() is None
    reading.put(1, Staged(250, has_next=True, first_id="1"))
    assert [reading.take() for _ in range(AHEAD + 1)] == [2, 3, 4, None]


def test_a_known_length_is_used_at_once() -> None:
    """As many pages as last time without waiting for anything."""
    reading = listing(expected=10)

    taken = [reading.take() for _ in range(20)]

    assert [n for n in taken if n] == list(range(1, 11))


def test_too_heavy_pages_are_halved_from_the_first_missing_row() -> None:
    """What is in flight comes back first; then smaller pages from the same row."""
    reading = listing(expected=10)
    assert [reading.take() for _ in range(3)] == [1, 2, 3]
    reading.put(1, Staged(250, has_next=True, first_id="1"))

    reading.too_heavy(2, "504")
    assert reading.take() is None
    reading.put(3, Staged(250, has_next=True, first_id="501"))
    reading.settle()

    assert reading.take() == 3
    assert reading.query(3)["limit"] == "125"


def test_pages_do_not_get_smaller_for_ever() -> None:
    reading = listing(limit=2 * SMALLEST_LIMIT - 1)
    reading.take()

    with pytest.raises(TemporaryError, match="too heavy"):
        reading.too_heavy(1, "504")


def test_a_list_that_repeats_itself_ends_in_an_error() -> None:
    """A server that ignores `page` would be read for ever."""
    reading = listing()
    reading.take()
    reading.put(1, Staged(250, has_next=True, first_id="7"))
    reading.take()

    with pytest.raises(TemporaryError, match="repeats"):
        reading.put(2, Staged(250, has_next=True, first_id="7"))


def test_an_empty_page_is_asked_for_twice() -> None:
    """One 204 proves nothing; those behind it are not asked again."""
    reading = listing()
    reading.take()
    reading.put(1, Staged(250, has_next=True, first_id="1"))
    assert [reading.take() for _ in range(3)] == [2, 3, 4]
    nothing = Staged(0, has_next=False)

    reading.put(3, nothing)
    assert reading.take() is None  # page 2 may turn out to be the short one
    reading.put(2, Staged(250, has_next=True, first_id="251"))
    assert reading.take() == 3
    reading.put(4, nothing)
    assert reading.take() is None
    reading.put(3, nothing)

    assert reading.is_complete


def test_an_early_204_is_forgotten_when_the_page_comes() -> None:
    """The list goes on behind it."""
    reading = listing()
    reading.take()
    reading.put(1, Staged(0, has_next=False))
    assert reading.take() == 1
    reading.put(1, Staged(250, has_next=True, first_id="1"))

    assert [reading.take() for _ in range(AHEAD)] == [2, 3, 4]


def test_a_hole_is_an_error() -> None:
    """Nothing twice, with rows behind it: no end, and not to be passed over."""
    reading = listing()
    reading.take()
    reading.put(1, Staged(250, has_next=True, first_id="1"))
    assert [reading.take() for _ in range(AHEAD)] == [2, 3, 4]
    reading.put(3, Staged(250, has_next=True, first_id="3"))
    reading.put(2, Staged(0, has_next=False))
    assert reading.take() == 2

    with pytest.raises(TemporaryError, match="behind an empty one"):
        reading.put(2, Staged(0, has_next=False))
