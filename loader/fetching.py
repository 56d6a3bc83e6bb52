"""Fetching one page: ask, look again where an answer cannot be believed, stage."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from loader.api.client import Answer, Client
from loader.db import Connection
from loader.errors import TemporaryError
from loader.paging import Listing
from loader.staging import NotAPage, Place, Staged, stage

logger = logging.getLogger("amo.load")

# A body that is no page: asked for that often before the stream is given up.
ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Fetcher:
    """Fetches pages of one run over one database connection."""

    connection: Connection
    client: Client
    run_id: int

    def fetch(self, listing: Listing, page_no: int) -> Staged:
        """Commit a page of a list and say what was in it.

        Raises TemporaryError when there is no page to be had, and the errors of Client.get.
        """
        refusal = ""
        answer: Answer | None = None
        place = Place.of(self.run_id, listing.stream.name, listing.params(), page_no)
        query = listing.query(page_no)
        for _ in range(ATTEMPTS):
            answer = self.client.get(listing.path, query).after(answer)
            try:
                page = stage(self.connection, place, listing.stream, answer)
            except NotAPage as exc:
                refusal = str(exc)
                logger.info("%s page %s is no page: %s", listing.path, page_no, refusal)
                continue
            if page.rows == 0 and page.has_next:
                refusal = "an empty list that names a next page"
                continue
            return page
        raise TemporaryError(
            f"page {page_no} of {listing.stream.name} is not JSON of the expected shape",
            detail=refusal,
            hint="what was there before is untouched; run the same command again later. "
            "If it stays, a proxy or a maintenance page answers in place of amoCRM",
        )
