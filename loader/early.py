"""The first pages of a load, asked for while the account is still asked who it is.

A load can stage nothing before it knows the account and holds its lock. At 1.5 s of latency
that would leave ten turns of the allowed rate unused.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor

from loader.api.client import Answer, Client, Query
from loader.paging import Listing

Question = tuple[str, str]


class Early:
    """A client whose first answers may be under way already; each is given out once."""

    def __init__(self, client: Client, pool: ThreadPoolExecutor) -> None:
        self._client = client
        self._pool = pool
        self._answers: dict[Question, Future[Answer]] = {}

    def ask(self, lists: Iterable[Listing]) -> None:
        """Ask for the first page of each list; the answers wait in memory."""
        for listing in lists:
            path, query, name = listing.path, listing.query(1), listing.stream.name
            self._answers[_question(path, query)] = self._pool.submit(
                self._client.get, path, query, stream=name
            )

    def under_way(self) -> set[Future[Answer]]:
        """What has no answer yet. Each of them occupies a thread of the pool."""
        return {answer for answer in list(self._answers.values()) if not answer.done()}

    def first_page(self, listing: Listing) -> Future[Answer] | None:
        """What was asked of a list, until it is given out."""
        return self._answers.get(_question(listing.path, listing.query(1)))

    def give_up(self) -> None:
        """What was not sent yet is not sent."""
        for answer in self._answers.values():
            answer.cancel()

    def get(self, path: str, query: Query, *, stream: str) -> Answer:
        """As Client.get."""
        # Asked for before the threads of the pool could wait for it: it has begun.
        early = self._answers.pop(_question(path, query), None)
        return early.result() if early else self._client.get(path, query, stream=stream)


def _question(path: str, query: Query) -> Question:
    return path, str(sorted(query.items()))
