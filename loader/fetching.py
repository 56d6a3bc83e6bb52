"""Fetching one page: ask, look again where an answer cannot be believed, stage."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol
from urllib.parse import urlencode

from loader.api.client import Answer, Query, Unavailable
from loader.db import Connection
from loader.errors import TemporaryError
from loader.ledger import Place, Staged
from loader.paging import Listing
from loader.staging import Demand, NotAPage, stage
from loader.stream import Host

logger = logging.getLogger("amo.load")
pages = logging.getLogger("amo.page")

# A body that is no page: asked for that often before the stream is given up.
ATTEMPTS = 3


class Asker(Protocol):
    """What gives answers: a client of a host, or one whose first answers are under way."""

    def get(self, path: str, query: Query, *, stream: str) -> Answer:
        """As Client.get."""


Clients = Mapping[Host, Asker]


@dataclass(frozen=True, slots=True)
class Fetcher:
    """Fetches pages of one run over one database connection."""

    connection: Connection
    clients: Clients
    run_id: int

    def fetch(self, listing: Listing, page_no: int) -> Staged:
        """Commit a page of a list and say what was in it.

        Raises TemporaryError when there is no page to be had, and the errors of Client.get.
        """
        refusal = ""
        answer: Answer | None = None
        place = Place.of(self.run_id, listing.stream.name, listing.params(), page_no)
        for attempt in range(1, ATTEMPTS + 1):
            answer = self._ask(listing, page_no).after(answer)
            if answer.body is None and listing.is_doubtful and attempt == 1:
                continue  # an early 204 was seen (facts §1.4): nothing is believed gone after one
            # An order that is never honoured is no reason to go without the list.
            grows = "order[id]" in listing.parameters and attempt < ATTEMPTS
            try:
                demand = Demand(listing.keep, grows, listing.follow)
                began = time.monotonic()
                page = stage(self.connection, place, listing.stream, answer, demand)
                self._log(listing, page_no, answer, time.monotonic() - began)
            except NotAPage as exc:
                refusal = str(exc)
                logger.info("%s page %s is no page: %s", listing.path, page_no, refusal)
                continue
            if page.held == 0 and page.has_next:
                refusal = "an empty list that names a next page"
                continue
            return page
        raise TemporaryError(
            f"page {page_no} of {listing.stream.name} is not JSON of the expected shape",
            detail=refusal,
            hint="what was there before is untouched; run the same command again later. "
            "If it stays, a proxy or a maintenance page answers in place of amoCRM",
        )

    def _log(self, listing: Listing, page_no: int, answer: Answer, copied: float) -> None:
        """What is wanted to know of single pages, where it is wanted."""
        if not pages.isEnabledFor(logging.DEBUG):
            return
        body = answer.body
        query = urlencode(listing.query(page_no), doseq=True)
        fields: dict[str, object] = {
            "run_id": self.run_id,
            "stream": listing.stream.name,
            "page_no": page_no,
            "path": "?".join(filter(None, (listing.path, query))),
            "status": 204 if body is None else 200,
            "bytes": len(body or b""),
            "sha256": hashlib.sha256(body or b"").hexdigest(),
            "wait_ms": round(1000 * answer.wait_seconds),
            "http_ms": round(1000 * answer.http_seconds),
            "copy_ms": round(1000 * copied),
        }
        text = (
            "%(path)s: %(status)s, %(bytes)s bytes, sha256 %(sha256)s,"
            " wait %(wait_ms)s ms, http %(http_ms)s ms, copy %(copy_ms)s ms"
        )
        pages.debug(text, fields, extra=fields)

    def _ask(self, listing: Listing, page_no: int) -> Answer:
        query, stream = listing.query(page_no), listing.stream
        client = self.clients[stream.host]
        if not listing.is_single:
            return client.get(listing.path, query, stream=stream.name)
        try:
            answer = client.get(listing.path, query, stream=stream.name)
        except Unavailable as exc:
            if exc.status != 404:
                raise
            return Answer(None, requests=1, wait_seconds=0.0, http_seconds=0.0)
        if answer.body is None:
            return answer
        # An entity by itself becomes a list of one, so that all pages look the same.
        body = b'{"_embedded":{"%s":[%s]}}' % (str(listing.stream.key).encode(), answer.body)
        return replace(answer, body=body)
