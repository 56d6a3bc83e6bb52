"""The lists of a load of chosen companies: of them, of what is linked to them, of what hangs on it.

Each is pruned in the transaction that stages its pages, whatever amoCRM makes of the filters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from loader import listings
from loader.paging import Listing, Since
from loader.pruning import Follow, Keep
from loader.selection import Selection
from loader.streams import BY_NAME, FOUR, Stream

COMPANIES = BY_NAME["companies"]
LINKED = tuple(entity for entity in FOUR if entity != COMPANIES.name)


def with_links() -> tuple[Stream, Follow]:
    """Companies with the ids of what is linked; what a full load does not have goes again."""
    parameters = dict(COMPANIES.parameters)
    usual = parameters["with"].split(",")
    extra = tuple(entity for entity in LINKED if entity not in usual)
    parameters["with"] = ",".join([*usual, *extra])
    return replace(COMPANIES, parameters=tuple(parameters.items())), Follow(LINKED, extra)


def matching(
    selection: Selection, asked: Mapping[str, str | Sequence[str]], expected: int
) -> Listing:
    """Companies by the paid filter, else by their time of change, else all: pruned in any case.

    asked: the paid filter; empty where there is none, or where it can express nothing.
    """
    stream, follow = with_links()

    def listing(how: str, parameters: dict[str, str], otherwise: Listing | None = None) -> Listing:
        return Listing(
            stream,
            stream.path,
            parameters,
            stream.page_limit,
            labels={"companies": how},
            keep=selection.keep,
            follow=follow,
            fallback=(otherwise,) if otherwise else None,
        )

    by_id, since = dict(stream.parameters), selection.since
    best = listing("all", by_id)
    best.expected = expected
    if since is not None:
        newest_first = {"with": by_id["with"], "order[updated_at]": "desc"}
        best = listing("newest first", newest_first, best)
        best.since = Since(since, by_order=True)
    if asked:
        best = listing("filtered", by_id, best if since is not None else None)
        best.asked = asked
        best.since = None if since is None else Since(since - 1)
    return best


def pruned(
    stream: Stream,
    ids: Sequence[str],
    expected: int,
    also: Keep | None = None,
    follow: Follow | None = None,
) -> Listing:
    """The whole list, of which only these ids are kept."""
    named = listings.only(stream, ids)
    return Listing(
        stream,
        stream.path,
        dict(stream.parameters),
        stream.page_limit,
        labels={"companies": listings.describe(ids)},
        keep=named & also if also else named,
        follow=follow and replace(follow, named=named.path),
        expected=expected,
    )


def of_owners(stream: Stream, ids: Sequence[str], entity_type: str | None = None) -> Listing:
    """Tasks or notes of some entities; entity_type where the path does not say it."""
    owners: dict[str, object] = {"owners": [int(one) for one in ids]}
    # Ignored, such a filter would bring everything, once for each piece.
    keep = Keep("$.entity_id ? (@ == $owners[*])", owners, is_strict=True)
    parameters = dict(stream.parameters)
    if entity_type:
        keep &= Keep("$.entity_type ? (@ == $type)", {"type": entity_type})
        parameters["filter[entity_type]"] = entity_type
    return Listing(
        stream,
        stream.path,
        parameters,
        stream.page_limit,
        labels={"ids": listings.describe(ids)},
        asked={"filter[entity_id][]": ids},
        keep=keep,
    )
