"""The lists of a stream: one, or one per entity of its parent; and how long they were."""

from __future__ import annotations

from loader.db import Connection, scalar
from loader.errors import TemporaryError
from loader.paging import Listing
from loader.streams import Stream


def of_stream(connection: Connection, run_id: int, stream: Stream) -> list[Listing]:
    """All lists of a stream, each with its length in the newest complete load of it.

    Raises TemporaryError when the pages of the parent, which name the lists, are not in staging.
    """
    if stream.parent is None:
        listings = [Listing(stream, stream.path, {}, stream.page_limit)]
    else:
        listings = [
            Listing(
                stream,
                stream.path.format(id=parent_id),
                {"parent_id": parent_id},
                stream.page_limit,
            )
            for parent_id in _parent_ids(connection, run_id, stream.name, stream.parent)
        ]
    for listing in listings:
        listing.expected = _pages_last_time(connection, run_id, listing)
    return listings


def _parent_ids(connection: Connection, run_id: int, stream: str, parent: str) -> list[str]:
    rows = connection.execute(
        "SELECT DISTINCT staging.document_id(item, 'id', TRUE) AS id FROM staging.pages"
        " CROSS JOIN LATERAL jsonb_array_elements(staging.page_items(body, %s)) AS item"
        " WHERE run_id = %s AND stream = %s ORDER BY id",
        (parent, run_id, parent),
    ).fetchall()
    expected = scalar(
        connection,
        "SELECT coalesce(sum(rows), 0) FROM ops.pages"
        " WHERE run_id = %s AND stream = %s AND status = 'staged'",
        (run_id, parent),
    )
    if expected and not rows:
        raise TemporaryError(
            f"the pages of {parent}, which name the lists of {stream}, are not in staging",
            hint="bin/load --fresh reads them again",
        )
    return [parent_id for (parent_id,) in rows if parent_id is not None]


def _pages_last_time(connection: Connection, run_id: int, listing: Listing) -> int:
    """Pages of this list in the newest load that read it to its end; 0 when there is none."""
    pages = scalar(
        connection,
        "SELECT max(pages.page_no) FROM ops.pages WHERE pages.run_id = ("
        " SELECT max(ended.run_id) FROM ops.run_streams AS ended"
        " INNER JOIN ops.runs AS earlier ON earlier.id = ended.run_id"
        " INNER JOIN ops.runs AS this ON this.id = %(run_id)s"
        " AND this.account_id = earlier.account_id AND this.id <> earlier.id"
        " WHERE ended.stream = %(stream)s AND ended.status = 'complete')"
        " AND pages.stream = %(stream)s AND pages.params = %(params)s::jsonb"
        " AND pages.rows > 0",
        {"stream": listing.stream.name, "params": listing.params_json(), "run_id": run_id},
    )
    return pages or 0
