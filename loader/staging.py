"""Staging: one page by COPY and its ledger row, in one transaction."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

import psycopg
from psycopg import errors

from loader.api.client import Answer
from loader.db import Connection
from loader.repair import Reject, repair
from loader.streams import Stream

_COPY = "COPY staging.pages (run_id, stream, page_no, params, body) FROM STDIN"

# jsonb_to_record takes the page out of TOAST once for both questions. A page without the
# expected list gives NULL for rows, which the ledger refuses.
_LEDGER = """
    INSERT INTO ops.pages (
        run_id, stream, params, page_no, status, has_next, first_id, rows, bytes,
        sha256, requests, wait_ms, http_ms, copy_ms
    )
    SELECT
        page.run_id, page.stream, page.params, page.page_no, 'staged',
        coalesce(top._links -> 'next' -> 'href' IS NOT NULL, FALSE),
        top._embedded -> %(key)s -> 0 ->> %(id_key)s,
        CASE
            WHEN %(key)s::text IS NULL THEN 1
            WHEN jsonb_typeof(top._embedded -> %(key)s) = 'array'
                THEN jsonb_array_length(top._embedded -> %(key)s)
        END,
        %(bytes)s, %(sha256)s, %(requests)s, %(wait_ms)s, %(http_ms)s,
        1000 * extract(epoch FROM clock_timestamp() - now())
    FROM staging.pages AS page
    CROSS JOIN LATERAL jsonb_to_record(page.body) AS top (_embedded jsonb, _links jsonb)
    WHERE
        page.run_id = %(run_id)s AND page.page_no = %(page_no)s
        AND page.stream = %(stream)s AND page.params = %(params)s
    ON CONFLICT ON CONSTRAINT pages_pkey DO UPDATE SET
        status = excluded.status, has_next = excluded.has_next,
        first_id = excluded.first_id, rows = excluded.rows, bytes = excluded.bytes,
        sha256 = excluded.sha256,
        requests = pages.requests + excluded.requests,
        wait_ms = pages.wait_ms + excluded.wait_ms,
        http_ms = pages.http_ms + excluded.http_ms,
        copy_ms = pages.copy_ms + excluded.copy_ms, committed_at = now()
    WHERE pages.status <> 'staged'
    RETURNING rows, has_next, first_id
"""

_EMPTY = """
    INSERT INTO ops.pages (
        run_id, stream, params, page_no, status, has_next, rows, bytes, sha256,
        requests, wait_ms, http_ms, copy_ms
    )
    VALUES (
        %(run_id)s, %(stream)s, %(params)s, %(page_no)s, 'empty', %(has_next)s, 0, %(bytes)s,
        %(sha256)s, %(requests)s, %(wait_ms)s, %(http_ms)s, 0
    )
    ON CONFLICT ON CONSTRAINT pages_pkey DO UPDATE SET
        status = excluded.status, has_next = excluded.has_next, first_id = NULL, rows = 0,
        bytes = excluded.bytes, sha256 = excluded.sha256,
        requests = pages.requests + excluded.requests,
        wait_ms = pages.wait_ms + excluded.wait_ms,
        http_ms = pages.http_ms + excluded.http_ms, committed_at = now()
    WHERE pages.status <> 'staged'
"""


# Not JSON, not of the expected shape, nested deeper than the server's stack.
_REFUSALS = (psycopg.DataError, errors.NotNullViolation, errors.StatementTooComplex)


class NotAPage(Exception):  # noqa: N818 - the caller asks again
    """The body is not JSON, or not of the shape of this list."""


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
    """What the database saw in the page."""

    rows: int
    has_next: bool
    first_id: str | None = None


class _AlreadyStaged(Exception):  # noqa: N818 - private
    """The ledger has this page: a predecessor that was killed had sent its COMMIT."""


class _EmptyList(Exception):  # noqa: N818 - private
    """A list without entities is as good as a 204: nothing to stage, and to be replaced."""

    def __init__(self, *, has_next: bool) -> None:
        super().__init__()
        self.has_next = has_next


def already_staged(connection: Connection, run_id: int) -> dict[Place, Staged]:
    """The pages that a run has: what a continued run need not ask for."""
    rows = connection.execute(
        "SELECT stream, params, page_no, rows, has_next, first_id FROM ops.pages"
        " WHERE run_id = %s AND status = 'staged'",
        (run_id,),
    ).fetchall()
    return {
        Place.of(run_id, stream, params, page_no): Staged(*page)
        for stream, params, page_no, *page in rows
    }


def stage(connection: Connection, place: Place, stream: Stream, answer: Answer) -> Staged:
    """Commit a page with its ledger row. Raises NotAPage when it is none."""
    facts = _facts(place, stream, answer)
    if answer.body is None:
        return _note_empty(connection, facts, has_next=False)
    try:
        return _commit(connection, place, answer.body, facts, [])
    except _EmptyList as exc:
        return _note_empty(connection, facts, has_next=exc.has_next)
    except _AlreadyStaged:
        return _known(connection, facts)
    except _REFUSALS as exc:
        refusal = exc
    try:
        body, rejects = repair(answer.body, stream.key, stream.id_key)
        return _commit(connection, place, body, facts, rejects)
    except (*_REFUSALS, ValueError, TypeError, AttributeError, RecursionError) as exc:
        start = " ".join(answer.body[:120].decode("utf-8", errors="replace").split())
        raise NotAPage(f"{refusal.diag.message_primary}; it begins with: {start}") from exc


def _commit(
    connection: Connection,
    place: Place,
    body: bytes,
    facts: dict[str, object],
    rejects: list[Reject],
) -> Staged:
    with connection.transaction(), connection.cursor() as cursor:
        with cursor.copy(_COPY) as copy:
            copy.write(_copy_row(facts, body))
        row = cursor.execute(_LEDGER, facts).fetchone()
        if row is None:
            raise _AlreadyStaged
        if row[0] == 0:
            raise _EmptyList(has_next=row[1])
        for reject in rejects:
            cursor.execute(
                "INSERT INTO ops.rejects (run_id, stream, entity_id, path, reason, raw)"
                " VALUES (%s, %s, %s, %s, %s, %s)",
                (
                    place.run_id,
                    place.stream,
                    reject.entity_id,
                    reject.path,
                    reject.reason,
                    reject.raw,
                ),
            )
    return Staged(*row)


def _note_empty(connection: Connection, facts: dict[str, object], *, has_next: bool) -> Staged:
    connection.execute(_EMPTY, facts | {"has_next": has_next})
    return Staged(0, has_next)


def _known(connection: Connection, facts: dict[str, object]) -> Staged:
    row = connection.execute(
        "SELECT rows, has_next, first_id FROM ops.pages WHERE run_id = %(run_id)s"
        " AND stream = %(stream)s AND params = %(params)s AND page_no = %(page_no)s",
        facts,
    ).fetchone()
    assert row is not None  # noqa: S101 - the conflict above was with this row
    return Staged(*row)


def _facts(place: Place, stream: Stream, answer: Answer) -> dict[str, object]:
    body = answer.body or b""
    return {
        "run_id": place.run_id,
        "stream": place.stream,
        "key": stream.key,
        "id_key": stream.id_key,
        "params": place.params,
        "page_no": place.page_no,
        "bytes": len(body),
        "sha256": hashlib.sha256(body).digest(),
        "requests": answer.requests,
        "wait_ms": 1000 * answer.wait_seconds,
        "http_ms": 1000 * answer.http_seconds,
    }


def _copy_row(facts: dict[str, object], body: bytes) -> bytes:
    """One line of COPY's text format; the body is escaped, not parsed."""
    head = (facts["run_id"], facts["stream"], facts["page_no"], facts["params"])
    return b"\t".join([*(_escape(str(value).encode()) for value in head), _escape(body)]) + b"\n"


def _escape(value: bytes) -> bytes:
    return (
        value.replace(b"\\", b"\\\\")
        .replace(b"\n", b"\\n")
        .replace(b"\r", b"\\r")
        .replace(b"\t", b"\\t")
    )
