"""Reading one stream: page after page until its end, each page committed as it comes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from loader.api.client import Answer, Client, TooHeavy
from loader.db import Connection
from loader.errors import TemporaryError
from loader.staging import NotAPage, Place, Staged, stage
from loader.streams import Stream

logger = logging.getLogger("amo.load")

# A body that is no page: asked for that often before the stream is given up.
ATTEMPTS = 3
SMALLEST_LIMIT = 25

OnPage = Callable[[Stream, Staged], None]


@dataclass(slots=True)
class Scope:
    """One list of a stream and the next page of it."""

    stream: Stream
    path: str
    parent: Mapping[str, str]  # names the parent entity; empty for a list without one
    limit: int | None
    page_no: int = 1

    def params(self) -> dict[str, str]:
        """What the ledger keeps: the query without the page number, and the parent."""
        limit = {} if self.limit is None else {"limit": str(self.limit)}
        return self.stream.query() | limit | dict(self.parent)

    def query(self) -> dict[str, str]:
        """Query parameters of the next page."""
        if self.limit is None:
            return self.stream.query()
        return self.stream.query() | {"limit": str(self.limit), "page": str(self.page_no)}

    def halve(self) -> bool:
        """The same offset with half the page size; False when it cannot get smaller."""
        if self.limit is None or self.limit // 2 < SMALLEST_LIMIT:
            return False
        self.limit //= 2
        self.page_no = 2 * self.page_no - 1
        return True


@dataclass(slots=True)
class Reader:
    """Reads streams of one run over one database connection."""

    connection: Connection
    client: Client
    run_id: int
    stop: threading.Event
    # Pages that an earlier process of this run committed.
    staged: Mapping[Place, Staged] = field(default_factory=dict)

    def read(self, stream: Stream, on_page: OnPage) -> bool:
        """Read to the end; False when asked to stop before it.

        Raises loader.api.client.Unavailable when the account has no such list, and the
        errors of Client.get.
        """
        return all(self._read_list(scope, on_page) for scope in self._scopes(stream))

    def _scopes(self, stream: Stream) -> Iterator[Scope]:
        if stream.parent is None:
            yield Scope(stream, stream.path, {}, stream.page_limit)
            return
        rows = self.connection.execute(
            "SELECT DISTINCT staging.document_id(item, 'id', TRUE) AS id FROM staging.pages"
            " CROSS JOIN LATERAL jsonb_array_elements(staging.page_items(body, %s)) AS item"
            " WHERE run_id = %s AND stream = %s ORDER BY id",
            (stream.parent, self.run_id, stream.parent),
        ).fetchall()
        for (parent_id,) in rows:
            if parent_id is not None:
                path = stream.path.format(id=parent_id)
                yield Scope(stream, path, {"parent_id": str(parent_id)}, stream.page_limit)

    def _read_list(self, scope: Scope, on_page: OnPage) -> bool:
        while True:
            page = self.staged.get(self._place(scope))
            if page is None:
                if self.stop.is_set():
                    return False
                try:
                    page = self._fetch(scope)
                except TooHeavy as exc:
                    self._make_lighter(scope, exc)
                    continue
                on_page(scope.stream, page)
            # A short page with `next` is not the end, and a full one without it is not
            # either: the link lies both ways (facts §3.5).
            is_full = scope.limit is not None and page.rows >= scope.limit
            if page.rows == 0 or scope.limit is None or not (is_full or page.has_next):
                return True
            scope.page_no += 1

    def _fetch(self, scope: Scope) -> Staged:
        refusal = ""
        answer: Answer | None = None
        for _ in range(ATTEMPTS):
            answer = self.client.get(scope.path, scope.query()).after(answer)
            if answer.body is None and scope.page_no > 1:
                # A 204 in the middle of a list was seen (facts §1.4): believe the second one.
                answer = self.client.get(scope.path, scope.query()).after(answer)
            try:
                return stage(self.connection, self._place(scope), scope.stream, answer)
            except NotAPage as exc:
                refusal = str(exc)
                logger.info("%s page %s is no page: %s", scope.path, scope.page_no, refusal)
        raise TemporaryError(
            f"page {scope.page_no} of {scope.stream.name} is not JSON of the expected shape",
            detail=refusal,
            hint="what was there before is untouched; run the same command again later. "
            "If it stays, a proxy or a maintenance page answers in place of amoCRM",
        )

    def _place(self, scope: Scope) -> Place:
        return Place.of(self.run_id, scope.stream.name, scope.params(), scope.page_no)

    @staticmethod
    def _make_lighter(scope: Scope, cause: TooHeavy) -> None:
        if not scope.halve():
            raise TemporaryError(
                f"amoCRM finds even small pages of {scope.stream.name} too heavy",
                detail=str(cause),
                hint="run the same command later, it continues",
            ) from cause
        logger.info("%s: %s; going on with limit %s", scope.path, cause, scope.limit)
