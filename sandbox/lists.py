"""A list of the API: its query turned into one page of rows (facts §3)."""

from __future__ import annotations

from random import Random

from sandbox import access, filters, pages
from sandbox.generate.account import Account
from sandbox.pages import Shown
from sandbox.problems import NO_CONTENT, Answer, failure, invalid
from sandbox.query import Query
from sandbox.settings import Settings
from sandbox.store import Collection, Question, Row, Test
from sandbox.streams import INVOICE_LINK, TRASH

MAX_LIMIT = 250
DEFAULT_LIMIT = 50


class Lists:
    """Every list of an account, with its way of paging."""

    def __init__(self, account: Account, settings: Settings, shown: Shown) -> None:
        self._account = account
        self._settings = settings
        self._shown = shown
        self._chance = Random(f"{account.seed}:early")
        self._asked: set[tuple[str, object]] = set()

    def page(
        self, collection: Collection, query: Query, owner: tuple[str, int] | None = None
    ) -> Answer:
        """Return a page of a list, or of the part of it that one `owner` entity has."""
        stream = collection.stream
        asks_invoices = INVOICE_LINK in query.wanted and stream.key == "elements"
        if asks_invoices and INVOICE_LINK not in stream.extra:
            return invalid("with", "This catalog has no invoices.")
        limit = self._limit(collection, query)
        if isinstance(limit, Answer):
            return limit
        if self._comes_early(collection, query):
            return NO_CONTENT
        view = self._view(collection, query, owner)
        mode = self._settings.next_links
        next_links = stream.next_links if mode == "natural" else mode
        body = pages.page(
            stream, view, query, limit=limit, next_links=next_links, shown=self._shown
        )
        return NO_CONTENT if body is None else Answer(200, body)

    def _limit(self, collection: Collection, query: Query) -> int | Answer:
        settings, stream = self._settings, collection.stream
        limit = query.limit or stream.default_limit
        most = settings.events_limit if stream.name == "events" else MAX_LIMIT
        if limit > most:
            if settings.over_max == "error":
                return invalid("limit", f"This value should be {most} or less.")
            # Events fell back to the default without a word (facts §1.7).
            falls = stream.name == "events" or settings.over_max == "fallback"
            limit = DEFAULT_LIMIT if falls else most
        if settings.heavy_limit and limit > settings.heavy_limit:
            return failure(settings.heavy_status)
        return limit

    def _comes_early(self, collection: Collection, query: Query) -> bool:
        share = self._settings.early_204
        key = (collection.stream.name, query.pairs)
        if not share or query.page == 1 or not collection.stream.paged or key in self._asked:
            return False
        self._asked.add(key)
        return self._chance.random() < share

    def _view(
        self, collection: Collection, query: Query, owner: tuple[str, int] | None
    ) -> list[Row]:
        stream, settings = collection.stream, self._settings
        honoured = settings.filter_package or not stream.paid_filter
        if stream.name in settings.ignored_filters.split(","):
            honoured = False
        fields = {field.id: field.type for field in self._account.fields.get(stream.name, ())}
        order, descending = "id", stream.newest_first
        if query.order and query.order[0] in stream.orders:
            order, descending = query.order[0], query.order[1] == "desc"
        question = Question(
            tests=[
                *access.visible(self._account, collection, settings),
                *_owned(collection, owner),
                *filters.tests(collection, query, honoured, fields),
            ],
            ids=filters.chosen_ids(stream, query, honoured),
            order=order,
            descending=descending,
        )
        if "only_deleted" in query.wanted and stream.name in TRASH:
            return collection.select(collection.stubs, question)
        return collection.view((query.question, owner, honoured, settings.admin), question)


def _owned(collection: Collection, owner: tuple[str, int] | None) -> list[Test]:
    if owner is None:
        return []
    key, id_ = owner
    value = collection.getter(key)
    return [lambda row: value(row) == id_]
