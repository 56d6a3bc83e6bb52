"""The ledger of pages, ops.pages: a row commits together with its page, or says that it was empty.

PostgreSQL looks at the page; Python never takes one apart.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from loader.db import Connection

# jsonb_to_record takes the page out of TOAST once for all questions. A page without the
# expected list gives NULL for rows, which the ledger refuses.
STAGED = """
    WITH page AS (
        SELECT
            top._links -> 'next' -> 'href' IS NOT NULL AS has_next,
            list.items -> 0 ->> %(id_key)s AS first_id,
            list.items -> -1 ->> %(id_key)s AS last_id,
            CASE WHEN %(key)s::text IS NULL THEN 1 ELSE jsonb_array_length(list.items) END AS rows,
            facts.*
        FROM staging.pages AS staged
        CROSS JOIN LATERAL jsonb_to_record(staged.body) AS top (_embedded jsonb, _links jsonb)
        CROSS JOIN LATERAL (
            SELECT CASE jsonb_typeof(top._embedded -> %(key)s)
                WHEN 'array' THEN top._embedded -> %(key)s
            END AS items
        ) AS list
        LEFT JOIN LATERAL staging.page_facts(list.items, %(id_key)s) AS facts ON TRUE
        WHERE
            staged.run_id = %(run_id)s AND staged.page_no = %(page_no)s
            AND staged.stream = %(stream)s AND staged.params = %(params)s
    ),
    noted AS (
        INSERT INTO ops.pages AS pages (
            run_id, stream, params, page_no, status, has_next, first_id, last_id, oldest, rows,
            skipped, bytes, sha256, requests, wait_ms, http_ms, copy_ms, answered_at
        )
        SELECT
            %(run_id)s, %(stream)s, %(params)s, %(page_no)s, 'staged', coalesce(has_next, FALSE),
            first_id, last_id, oldest, rows,
            0, %(bytes)s, %(sha256)s, %(requests)s, %(wait_ms)s, %(http_ms)s,
            1000 * extract(epoch FROM clock_timestamp() - now()), %(answered_at)s
        FROM page
        ON CONFLICT ON CONSTRAINT pages_pkey DO UPDATE SET
            status = excluded.status, has_next = excluded.has_next,
            first_id = excluded.first_id, last_id = excluded.last_id, oldest = excluded.oldest,
            rows = excluded.rows, skipped = excluded.skipped, bytes = excluded.bytes,
            sha256 = excluded.sha256, answered_at = excluded.answered_at,
            requests = pages.requests + excluded.requests,
            wait_ms = pages.wait_ms + excluded.wait_ms,
            http_ms = pages.http_ms + excluded.http_ms,
            copy_ms = pages.copy_ms + excluded.copy_ms, committed_at = now()
        WHERE pages.status <> 'staged'
        RETURNING rows, skipped, has_next, first_id, last_id, oldest
    )
    SELECT noted.*, page.is_growing, page.is_falling FROM noted CROSS JOIN page
"""

EMPTY = """
    INSERT INTO ops.pages AS pages (
        run_id, stream, params, page_no, status, has_next, rows, bytes, sha256,
        requests, wait_ms, http_ms, copy_ms, answered_at
    )
    VALUES (
        %(run_id)s, %(stream)s, %(params)s, %(page_no)s, 'empty', %(has_next)s, 0, %(bytes)s,
        %(sha256)s, %(requests)s, %(wait_ms)s, %(http_ms)s, 0, %(answered_at)s
    )
    ON CONFLICT ON CONSTRAINT pages_pkey DO UPDATE SET
        status = excluded.status, has_next = excluded.has_next, first_id = NULL, last_id = NULL,
        oldest = NULL, rows = 0, skipped = 0, bytes = excluded.bytes, sha256 = excluded.sha256,
        requests = pages.requests + excluded.requests,
        wait_ms = pages.wait_ms + excluded.wait_ms, http_ms = pages.http_ms + excluded.http_ms,
        answered_at = excluded.answered_at, committed_at = now()
    WHERE pages.status <> 'staged'
"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page belongs: the key of the ledger."""

    run_id: int
    stream: str
    params: str  # JSON with sorted keys
    page_no: int

    @classmethod
    def of(cls, run_id: int, stream: str, params: Mapping[str, str], page_no: int) -> Place:
        return cls(run_id, stream, json.dumps(params, sort_keys=True), page_no)


@dataclass(frozen=True, slots=True)
class Staged:
    """What the database saw in the page; oldest is the smallest updated_at, Unix seconds."""

    rows: int  # kept
    skipped: int = 0  # not asked for, and left out
    has_next: bool = False
    first_id: str | None = None
    last_id: str | None = None
    oldest: int | None = None
    is_growing: bool = True  # the ids; a page that was staged before was looked at then
    is_falling: bool = True  # the times of change

    @property
    def held(self) -> int:
        """Entities in the page as it came: what paging goes by."""
        return self.rows + self.skipped


def already_staged(connection: Connection, run_id: int) -> dict[Place, Staged]:
    """The pages that a run has: what a continued run need not ask for.

    Also what was asked for by id and was not there: the first page of such a list is believed.
    """
    rows = connection.execute(
        "SELECT stream, params, page_no, rows, skipped, has_next, first_id, last_id, oldest"
        " FROM ops.pages WHERE run_id = %s"
        " AND (status = 'staged' OR status = 'empty' AND params ? 'ids' AND page_no = 1)",
        (run_id,),
    ).fetchall()
    return {
        Place.of(run_id, stream, params, page_no): Staged(*page)
        for stream, params, page_no, *page in rows
    }


def known(connection: Connection, place: Place) -> Staged:
    """A page that the ledger has."""
    row = connection.execute(
        "SELECT rows, skipped, has_next, first_id, last_id, oldest FROM ops.pages"
        " WHERE run_id = %s AND stream = %s AND params = %s::jsonb AND page_no = %s",
        (place.run_id, place.stream, place.params, place.page_no),
    ).fetchone()
    assert row is not None  # noqa: S101 - asked only after a conflict with this row
    return Staged(*row)
