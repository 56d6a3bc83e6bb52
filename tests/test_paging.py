"""Which page is asked for next: the pure core, on lists of any length and habit."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loader.errors import TemporaryError
from loader.paging import AHEAD, SMALLEST_LIMIT, Listing
from loader.staging import Staged
from loader.streams import BY_NAME


def listing(expected: int = 0, limit: int | None = 250) -> Listing:
    return Listing(BY_NAME["leads"], "leads", {}, limit, expected)


def page(rows: int, total: int, page_no: int, limit: int = 250) -> Staged:
    """Page of a list of `total` rows with a truthful `next`."""
    first = (page_no - 1) * limit
    return Staged(rows, first + limit < total, str(first) if rows else None)


@given(
    total=st.integers(0, 30 * 250),
    expected=st.integers(0, 30),
    in_flight=st.integers(1, 12),
    next_lies=st.booleans(),
    seed=st.integers(),
)
def test_every_page_once_and_at_most_two_too_many(
    total: int, expected: int, in_flight: int, next_lies: bool, seed: int
) -> None:
    """Answers come back in any order; nothing is missing, little is wasted."""
    reading, flying, asked = listing(expected), list[int](), list[int]()
    luck = random.Random(seed)  # noqa: S311 - a test's dice
    pages = -(-total // 250)
    while not reading.is_complete:
        while len(flying) < in_flight and (page_no := reading.take()):
            flying.append(page_no)
            asked.append(page_no)
        page_no = flying.pop(luck.randrange(len(flying)))
        rows = max(0, min(250, total - (page_no - 1) * 250))
        truth = page(rows, total, page_no)
        reading.put(page_no, Staged(rows, truth.has_next != next_lies, truth.first_id)
                    if next_lies and rows == 250 else truth)  # fmt: skip

    assert set(range(1, pages + 1)) <= set(asked)
    if expected <= pages:  # a list that did not shrink
        # Two too many, and the look at an empty page that ends a list of full ones.
        assert len(asked) <= pages + AHEAD
        assert len(asked) == len(set(asked)) or total % 250 == 0 or next_lies


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
