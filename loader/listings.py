"""The lists of a stream: whole, what changed in them, and what is asked for by id."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from loader.db import Connection, scalar
from loader.errors import TemporaryError
from loader.paging import Listing, Since
from loader.pruning import Follow, Keep
from loader.runs import Run
from loader.streams import Stream

# What was written on amoCRM's side may be seen later than its time says (facts §7.3).
OVERLAP_SECONDS = 600

# Events are read in windows of that many seconds: a page far down a list is slow.
WINDOW_SECONDS = 180 * 86_400

# No source gives a limit of ids in a filter; 50 keep the address short (facts §1.7).
BATCH = 50


def whole(connection: Connection, run: Run, stream: Stream) -> list[Listing]:
    """All lists of a stream, each with its length in the newest complete load of it.

    Raises TemporaryError when the pages of the parent, which name the lists, are not in staging.
    """
    if stream.parent is None:
        listings = [whole_list(stream)]
    else:
        listings = [
            Listing(
                stream,
                stream.path.format(id=parent_id),
                dict(stream.parameters),
                stream.page_limit,
                labels={"parent_id": parent_id},
                is_whole=True,
            )
            for parent_id in _parent_ids(connection, run.id, stream.name, stream.parent)
        ]
    for listing in listings:
        listing.expected = _pages_last_time(connection, run.id, listing)
    return listings


def named(
    connection: Connection, run: Run, stream: Stream, watermark: int | None
) -> Iterator[Listing]:
    """What the parent's entities name, each in a request of its own, the newest ids first.

    Of entities that came before this run, those since the watermark (Unix seconds) count: it
    stayed behind when this stream was not read with its parent. Raises TemporaryError when the
    pages of the parent are not in staging.
    """
    assert stream.parent is not None  # noqa: S101 - named_by are paths in its entities
    rows = connection.execute(
        "SELECT id FROM staging.named_ids(%s, %s, %s::text[]::jsonpath[], %s, %s)"
        " ORDER BY id::bigint DESC",
        (run.id, stream.parent, list(stream.named_by), watermark, OVERLAP_SECONDS),
    ).fetchall()
    if not rows:
        _require_staged(connection, run.id, stream.name, stream.parent)
    return (
        Listing(stream, f"{stream.path}/{named_id}", {}, None, {"named": named_id}, is_single=True)
        for (named_id,) in rows
    )


def changed(stream: Stream, watermark: int, *, has_filter: bool) -> Listing:
    """What changed since a watermark (Unix seconds), by what the list can do.

    No upper bound in the query: with one, a row that changes meanwhile would leave the list
    and hide the next one. What changes later is beyond the next watermark and comes again.
    """
    moment = watermark - OVERLAP_SECONDS
    listing = whole_list(stream)
    unordered = {k: v for k, v in stream.parameters if not k.startswith("order[")}
    if stream.orders_by_change:
        listing = Listing(
            stream,
            stream.path,
            unordered | {"order[updated_at]": "desc"},
            stream.page_limit,
            labels={"since": str(moment)},
            since=Since(moment, by_order=True),
            fallback=(listing,),
        )
    if has_filter or stream.changes == "free":
        listing = Listing(
            stream,
            stream.path,
            dict(stream.parameters) | {"filter[updated_at][from]": str(moment)},
            stream.page_limit,
            since=Since(moment),
            fallback=(listing,),
        )
    return listing


def created(stream: Stream, begin: int, until: int, *, has_begin: bool) -> list[Listing]:
    """What was made between two moments (Unix seconds), in windows that do not grow meanwhile.

    With has_begin false the first window is open: it takes what is older as well.
    """
    listings = []
    for start, end in pairwise([begin, *_window_ends(begin, until)]):
        bounds = {"filter[created_at][to]": str(end)}
        if has_begin or start != begin:
            # Whether the bounds count to a window is not documented (facts §3.3).
            bounds["filter[created_at][from]"] = str(start - 1)
        parameters = dict(stream.parameters) | bounds
        listings.append(Listing(stream, stream.path, parameters, stream.page_limit))
    return listings


def by_ids(
    stream: Stream,
    ids: Sequence[str],
    *,
    has_filter: bool,
    also: Keep | None = None,
    follow: Follow | None = None,
) -> list[Listing]:
    """Entities by their ids, 50 in one request, or one by one without the paid filter.

    Those that `also` does not keep are left out; what is followed notes even those.
    """
    if stream.by_id == "single" or (stream.by_id == "paid" and not has_filter):
        return [_single(stream, entity_id, also, follow) for entity_id in ids]
    return [_batch(stream, some, also, follow) for some in batches(ids, BATCH)]


def batches(ids: Sequence[str], size: int) -> list[Sequence[str]]:
    """The ids in pieces; the same ones for the same ids, since the ledger's keys follow."""
    return [ids[start : start + size] for start in range(0, len(ids), size)]


def describe(ids: Sequence[str]) -> str:
    """Ids in the key of the ledger, which must stay short: the first, how many, a digest."""
    digest = hashlib.sha256(",".join(ids).encode()).hexdigest()[:12]
    return ids[0] if len(ids) == 1 else f"{ids[0]} and {len(ids) - 1} more, {digest}"


def only(stream: Stream, ids: Sequence[str]) -> Keep:
    """Nothing but these ids."""
    known = [int(one) for one in ids] if stream.has_numeric_id else list(ids)
    return Keep(f"$.{stream.id_key} ? (@ == $ids[*])", {"ids": known})


def whole_list(stream: Stream) -> Listing:
    """The only list of a stream without a parent, of unknown length."""
    return Listing(stream, stream.path, dict(stream.parameters), stream.page_limit, is_whole=True)


def _window_ends(since: int, until: int) -> Iterator[int]:
    """Multiples of a window's length, so that a load that is continued has the same ones."""
    yield from range(since - since % WINDOW_SECONDS + WINDOW_SECONDS, until, WINDOW_SECONDS)
    yield until


def _batch(stream: Stream, ids: Sequence[str], also: Keep | None, follow: Follow | None) -> Listing:
    wanted = {f"filter[id][{n}]": entity_id for n, entity_id in enumerate(ids)}
    named = only(stream, ids)
    return Listing(
        stream,
        stream.path,
        dict(stream.parameters),
        None,
        labels={"ids": describe(ids)},
        asked=wanted | {"limit": str(len(ids))},
        keep=named & also if also else named,
        follow=follow and replace(follow, named=named.path),
        most=len(ids) if also else None,
        is_doubtful=True,
        fallback=tuple(_single(stream, entity_id, also, follow) for entity_id in ids),
    )


def _single(stream: Stream, entity_id: str, also: Keep | None, follow: Follow | None) -> Listing:
    named = only(stream, [entity_id])
    keep = named & also if also else named
    return Listing(
        stream,
        f"{stream.path}/{entity_id}",
        {name: value for name, value in stream.parameters if name == "with"},
        None,
        labels={"ids": entity_id},
        keep=keep if follow else None,
        follow=follow and replace(follow, named=named.path),
        is_single=True,
        is_doubtful=True,
    )


def _parent_ids(connection: Connection, run_id: int, stream: str, parent: str) -> list[str]:
    rows = connection.execute(
        "SELECT DISTINCT staging.document_id(item, 'id', TRUE) AS id FROM staging.pages"
        " CROSS JOIN LATERAL jsonb_array_elements(staging.page_items(body, %s)) AS item"
        " WHERE run_id = %s AND stream = %s ORDER BY id",
        (parent, run_id, parent),
    ).fetchall()
    if not rows:
        _require_staged(connection, run_id, stream, parent)
    return [parent_id for (parent_id,) in rows if parent_id is not None]


def _require_staged(connection: Connection, run_id: int, stream: str, parent: str) -> None:
    is_lost = scalar(
        connection,
        "SELECT EXISTS (SELECT FROM ops.pages WHERE run_id = %(run_id)s AND stream = %(parent)s"
        " AND status = 'staged') AND NOT EXISTS (SELECT FROM staging.pages"
        " WHERE run_id = %(run_id)s AND stream = %(parent)s)",
        {"run_id": run_id, "parent": parent},
    )
    if is_lost:
        raise TemporaryError(
            f"the pages of {parent}, which name the lists of {stream}, are not in staging",
            hint="bin/load --fresh reads them again",
        )


def _pages_last_time(connection: Connection, run_id: int, listing: Listing) -> int:
    """Pages of this list in the newest load that read it to its end; 0 when there is none."""
    pages = scalar(
        connection,
        "SELECT max(pages.page_no) FROM ops.pages WHERE pages.run_id = ("
        " SELECT max(ended.run_id) FROM ops.run_streams AS ended"
        " INNER JOIN ops.runs AS earlier ON earlier.id = ended.run_id"
        " INNER JOIN ops.runs AS this ON this.id = %(run_id)s"
        " AND this.account_id = earlier.account_id AND this.id <> earlier.id"
        " WHERE ended.stream = %(stream)s AND ended.is_whole)"
        " AND pages.stream = %(stream)s AND pages.params = %(params)s::jsonb"
        " AND pages.rows > 0",
        {"stream": listing.stream.name, "params": json.dumps(listing.params()), "run_id": run_id},
    )
    return pages or 0
