"""Reading one stream: page after page until its end, each page committed as it comes."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from loader.api.client import Answer, Client
from loader.api.verdict import TooHeavy, Unavailable
from loader.db import Connection
from loader.errors import TemporaryError
from loader.staging import NotAPage, Place, Staged, stage
from loader.streams import Stream

logger = logging.getLogger("amo.load")

# A body that is no page: asked for that often before the stream is given up.
ATTEMPTS = 3
SMALLEST_LIMIT = 25


@dataclass(slots=True)
class Scope:
    """One list of a stream and the next page of it."""

    stream: Stream
    path: str
    parent: Mapping[str, str]  # names the parent entity; empty for a list without one
    limit: int | None
    page_no: int = 1

    def query(self) -> dict[str, str]:
        """Query parameters of the next page."""
        return self._without_page() | ({} if self.limit is None else {"page": str(self.page_no)})

    def params(self) -> dict[str, str]:
        """What the ledger keeps: the query without the page number, and the parent."""
        return self._without_page() | dict(self.parent)

    def halve(self) -> bool:
        """Half the page size, from the same row or a few before it; False at the smallest."""
        if self.limit is None or self.limit // 2 < SMALLEST_LIMIT:
            return False
        self.limit //= 2
        self.page_no = 2 * self.page_no - 1
        return True

    def _without_page(self) -> dict[str, str]:
        limit = {} if self.limit is None else {"limit": str(self.limit)}
        return dict(self.stream.parameters) | limit


@dataclass(slots=True)
class Reader:
    """Reads streams of one run over one database connection."""

    connection: Connection
    client: Client
    run_id: int
    stop: threading.Event
    # Pages that an earlier process of this run committed.
    staged: Mapping[Place, Staged] = field(default_factory=dict)

    def read(self, stream: Stream) -> bool:
        """Read to the end; False when asked to stop before it.

        Raises Unavailable when the account has no such list, and the errors of Client.get.
        """
        if stream.parent is None:
            return self._read_list(Scope(stream, stream.path, {}, stream.page_limit))
        return all(self._read_child(scope) for scope in self._children(stream, stream.parent))

    def _children(self, stream: Stream, parent: str) -> Iterator[Scope]:
        """One list per entity of the parent, whose pages lie in staging."""
        ids = self.connection.execute(
            "SELECT DISTINCT staging.document_id(item, 'id', TRUE) AS id FROM staging.pages"
            " CROSS JOIN LATERAL jsonb_array_elements(staging.page_items(body, %s)) AS item"
            " WHERE run_id = %s AND stream = %s ORDER BY id",
            (parent, self.run_id, parent),
        ).fetchall()
        expected = self.connection.execute(
            "SELECT coalesce(sum(rows), 0) FROM ops.pages"
            " WHERE run_id = %s AND stream = %s AND status = 'staged'",
            (self.run_id, parent),
        ).fetchone()
        if not ids and expected != (0,):
            raise TemporaryError(
                f"the pages of {parent}, which name the lists of {stream.name}, are not in staging",
                hint="bin/load --fresh reads them again",
            )
        for (parent_id,) in ids:
            path = stream.path.format(id=parent_id)
            yield Scope(stream, path, {"parent_id": str(parent_id)}, stream.page_limit)

    def _read_child(self, scope: Scope) -> bool:
        """A list that went away with its parent does not end the stream."""
        try:
            return self._read_list(scope)
        except Unavailable as exc:
            logger.warning("%s skipped: %s", scope.path, exc)
            return True

    def _read_list(self, scope: Scope) -> bool:
        before: Staged | None = None
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
                except Unavailable as exc:
                    if scope.page_no == 1:
                        raise
                    raise TemporaryError(
                        f"{scope.stream.name} broke off at page {scope.page_no}", detail=str(exc)
                    ) from exc
            if page.rows and before and page.first_id == before.first_id:
                raise TemporaryError(
                    f"amoCRM repeats one page of {scope.stream.name}",
                    detail=f"pages {scope.page_no - 1} and {scope.page_no} begin with the same id",
                    hint="what was there before is untouched; run the same command later",
                )
            # A short page with `next` is not the end, and a full one without it is not
            # either: the link lies both ways (facts §3.5).
            is_full = scope.limit is not None and page.rows >= scope.limit
            if page.rows == 0 or scope.limit is None or not (is_full or page.has_next):
                return True
            before = page
            scope.page_no += 1

    def _fetch(self, scope: Scope) -> Staged:
        """Ask for a page and commit it; nothing, or no page, is looked at again."""
        refusal = ""
        answer: Answer | None = None
        for attempt in range(1, ATTEMPTS + 1):
            answer = self.client.get(scope.path, scope.query()).after(answer)
            if answer.body is None and attempt == 1:
                # An early 204 was seen (facts §1.4): believe the second one.
                continue
            try:
                page = stage(self.connection, self._place(scope), scope.stream, answer)
            except NotAPage as exc:
                refusal = str(exc)
                logger.info("%s page %s is no page: %s", scope.path, scope.page_no, refusal)
                continue
            if page.rows == 0 and page.has_next:
                refusal = "an empty list that names a next page"
                continue
            return page
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
