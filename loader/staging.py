"""Staging: one page by COPY and its ledger row, in one transaction."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass

import psycopg
from psycopg import errors

from loader import ledger, pruning
from loader.api.client import Answer
from loader.db import Connection
from loader.ledger import Place, Staged
from loader.pruning import Follow, Keep
from loader.repair import Reject, repair
from loader.streams import Stream

_COPY = "COPY staging.pages (run_id, stream, page_no, params, body) FROM STDIN"

# Not JSON, not of the expected shape, nested deeper than the server's stack.
_REFUSALS = (psycopg.DataError, errors.NotNullViolation, errors.StatementTooComplex)


class NotAPage(Exception):  # noqa: N818 - the caller asks again
    """The body is not JSON, or not of the shape of this list."""


@dataclass(frozen=True, slots=True)
class Demand:
    """What a page must be like, and what becomes of it; nothing is followed without a Keep."""

    keep: Keep | None = None
    has_growing_ids: bool = False
    follow: Follow | None = None


ANYTHING = Demand()


class _AlreadyStaged(Exception):  # noqa: N818 - private
    """The ledger has this page: a predecessor that was killed had sent its COMMIT."""


class _EmptyList(Exception):  # noqa: N818 - private
    """A list without entities is as good as a 204: nothing to stage, and to be replaced."""

    def __init__(self, *, has_next: bool) -> None:
        super().__init__()
        self.has_next = has_next


def stage(
    connection: Connection,
    place: Place,
    stream: Stream,
    answer: Answer,
    demand: Demand = ANYTHING,
) -> Staged:
    """Commit a page with its ledger row. Raises NotAPage when it is none."""
    facts = _facts(place, stream, answer)
    if answer.body is None:
        return _note_empty(connection, facts, has_next=False)
    try:
        return _commit(connection, place, answer.body, facts, demand, [])
    except _EmptyList as exc:
        return _note_empty(connection, facts, has_next=exc.has_next)
    except _AlreadyStaged:
        return ledger.known(connection, place)
    except _REFUSALS as exc:
        refusal = exc
    try:
        body, rejects = repair(answer.body, stream.key, stream.id_key)
        return _commit(connection, place, body, facts, demand, rejects)
    except (*_REFUSALS, ValueError, TypeError, AttributeError, RecursionError) as exc:
        start = " ".join(answer.body[:120].decode("utf-8", errors="replace").split())
        raise NotAPage(f"{refusal.diag.message_primary}; it begins with: {start}") from exc


def _commit(
    connection: Connection,
    place: Place,
    body: bytes,
    facts: dict[str, object],
    demand: Demand,
    rejects: list[Reject],
) -> Staged:
    with connection.transaction(), connection.cursor() as cursor:
        with cursor.copy(_COPY) as copy:
            copy.write(_copy_row(facts, body))
        row = cursor.execute(ledger.STAGED, facts).fetchone()
        if row is None:
            raise _AlreadyStaged
        page = Staged(*row)
        if page.held == 0:
            raise _EmptyList(has_next=page.has_next)
        if demand.has_growing_ids and not page.is_growing:
            raise NotAPage("its ids do not grow, although that order was asked for")
        # Only now: whether a filter and an order were honoured is seen in the page as it came.
        if demand.keep:
            page = pruning.prune(cursor, facts, page, demand.keep, demand.follow)
        for reject in rejects:
            # A page may come twice, when rows slipped through; the note is written once.
            cursor.execute(
                "INSERT INTO ops.rejects (run_id, stream, entity_id, path, reason, raw)"
                " SELECT %(run_id)s, %(stream)s, %(entity_id)s, %(path)s, %(reason)s, %(raw)s"
                " WHERE NOT EXISTS (SELECT FROM ops.rejects WHERE run_id = %(run_id)s"
                " AND stream = %(stream)s AND entity_id IS NOT DISTINCT FROM %(entity_id)s"
                " AND path = %(path)s AND raw = %(raw)s)",
                asdict(reject) | {"run_id": place.run_id, "stream": place.stream},
            )
    return page


def _note_empty(connection: Connection, facts: dict[str, object], *, has_next: bool) -> Staged:
    connection.execute(ledger.EMPTY, facts | {"has_next": has_next})
    return Staged(0, has_next=has_next)


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
        "answered_at": answer.answered_at,
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
