"""Which page is asked for next: the pure core, on lists of any length and habit."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loader.errors import TemporaryError
from loader.ledger import Staged
from loader.paging import MISSES, SMALLEST_LIMIT, Ignored, Listing, Since
from loader.streams import BY_NAME


def listing(expected: int = 0, limit: int | None = 250) -> Listing:
    return Listing(BY_NAME["leads"], "leads", {}, limit, expected=expected)


def full(page_no: int) -> Staged:
    return Staged(250, has_next=True, first_id=str(page_no))


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
            return Staged(0)
        self.given |= set(rows)
        has_next = first + limit < self.total
        if len(rows) == limit and self.is_unruly:
            has_next = self.luck.random() < 0.5
        return Staged(len(rows), 0, has_next, str(first) if rows else None)


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
    """The probes that found nothing, and two looks at an empty last page."""
    account = Account(total, random.Random(seed), is_unruly=False)  # noqa: S311 - a test's dice

    read(listing(expected), account, in_flight)

    pages = -(-total // 250)
    assert account.given == set(range(total))
    if expected <= pages:  # a list that did not shrink
        assert len(account.asked) <= pages + MISSES + 2


def test_the_first_page_is_asked_for_alone() -> None:
    """It may be all there is, or a refusal; then a page far ahead tells of all before it."""
    reading = listing()

    assert reading.take() == 1
    assert reading.take() is None
    reading.put(1, full(1))
    assert [reading.take() for _ in range(2)] == [2, None]
    reading.put(2, full(2))
    assert [reading.take() for _ in range(3)] == [3, 4, None]
    reading.put(4, full(4))
    assert [reading.take() for _ in range(3)] == [5, 6, None]
    reading.put(3, full(3))
    reading.put(6, full(6))
    assert [reading.take() for _ in range(3)] == [7, 9, None]
    reading.put(9, full(9))
    assert [reading.take() for _ in range(4)] == [8, 10, 13, None]


def test_a_probe_that_found_nothing_is_no_end() -> None:
    """It bounds the next one, and is looked at again only in its turn."""
    reading = listing(expected=20)
    for _ in range(20):
        reading.put(reading.take() or 0, full(1 + len(reading.staged)))
    assert [reading.take() for _ in range(2)] == [21, 30]
    reading.put(30, Staged(0))
    assert reading.take() == 25
    reading.put(25, full(25))
    assert [reading.take() for _ in range(4)] == [22, 23, 24, 26]


def test_a_known_length_is_used_at_once() -> None:
    """As many pages as last time without waiting for anything."""
    reading = listing(expected=10)

    taken = [reading.take() for _ in range(20)]

    assert [n for n in taken if n] == list(range(1, 11))


def test_too_heavy_pages_are_halved_from_the_first_missing_row() -> None:
    """What is in flight comes back first; then smaller pages from the same row."""
    reading = listing(expected=10)
    assert [reading.take() for _ in range(3)] == [1, 2, 3]
    reading.put(1, full(1))

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
    """One 204 proves nothing."""
    reading = listing()
    reading.take()
    reading.put(1, full(1))
    assert reading.take() == 2

    reading.put(2, Staged(0))
    assert not reading.is_complete
    assert reading.take() == 2
    reading.put(2, Staged(0))

    assert reading.is_complete


def test_an_early_204_is_forgotten_when_the_page_comes() -> None:
    """The list goes on behind it."""
    reading = listing()
    reading.take()
    reading.put(1, Staged(0))
    assert reading.take() == 1
    reading.put(1, full(1))

    assert reading.take() == 2


def test_a_hole_is_an_error() -> None:
    """Nothing twice, with rows behind it: no end, and not to be passed over."""
    reading = listing(expected=4)
    for _ in range(4):
        reading.take()
    for page_no in (1, 3):
        reading.put(page_no, full(page_no))
    reading.put(2, Staged(0))
    assert reading.take() == 2

    with pytest.raises(TemporaryError, match="behind an empty one"):
        reading.put(2, Staged(0))


def test_changes_in_order_end_where_they_are_old() -> None:
    """Newest first: the page that reaches back behind the moment is the last one."""
    reading = listing()
    reading.since = Since(1000, by_order=True)
    reading.take()
    reading.put(1, Staged(250, has_next=True, first_id="9", oldest=1001))
    assert reading.take() == 2
    reading.put(2, Staged(250, has_next=True, first_id="8", oldest=999))

    assert reading.is_complete
    assert not reading.is_whole


@pytest.mark.parametrize(
    ("since", "page"),
    [
        (Since(1000), Staged(250, oldest=999)),
        (Since(1000, by_order=True), Staged(250, oldest=1001, is_falling=False)),
        (None, Staged(1, skipped=249)),
    ],
)
def test_what_amocrm_ignores_is_noticed(since: Since | None, page: Staged) -> None:
    """A filter or an order without the right to it is not refused, it is passed over."""
    reading = listing()
    reading.since, reading.fallback = since, (listing(),)
    reading.take()

    with pytest.raises(Ignored):
        reading.put(1, page)


def test_what_was_asked_for_by_a_filter_may_be_nothing() -> None:
    """The early 204s that were seen came behind full pages: the first page is believed."""
    reading = listing()
    reading.asked = {"filter[entity_id][]": ["1", "2"]}
    reading.take()

    reading.put(1, Staged(0))

    assert reading.is_complete
    assert reading.query(1)["filter[entity_id][]"] == ["1", "2"]


def test_what_a_condition_leaves_out_is_no_ignored_filter() -> None:
    """As long as no more came than was asked for by id."""
    reading = listing(limit=None)
    reading.fallback, reading.most = (listing(),), 50
    reading.take()
    reading.put(1, Staged(1, skipped=49))
    assert reading.is_complete

    with pytest.raises(Ignored):
        reading.put(1, Staged(1, skipped=50))
