"""Answers of the API: what a path below /api/v4/ names."""

from __future__ import annotations

import json
import re

from sandbox import pages
from sandbox.access import refusal, visible
from sandbox.bulk_links import bulk_links
from sandbox.generate import event_types
from sandbox.generate.account import Account
from sandbox.lists import Lists
from sandbox.overview import overview
from sandbox.pages import Shown
from sandbox.problems import NO_CONTENT, Answer, invalid, problem
from sandbox.query import BadQueryError, Query, parse
from sandbox.settings import Settings
from sandbox.store import Collection, Row
from sandbox.streams import FILES, MAIN

ROOT = "/api/v4/"

# /leads/501/notes, /leads/501/notes/601, /leads/501/links, /customers/801/transactions
_NESTED = re.compile(r"(\w+)/(\d+)/(notes|links|transactions)(?:/(\d+))?$")
_OWNER_KEYS = {"notes": "entity_id", "transactions": "customer_id"}
# /talks is no list: talks are read one by one (facts §5.20).
_NO_LIST = ("talks",)


class Api:
    """Everything below /api/v4/."""

    def __init__(self, account: Account, settings: Settings, base_url: str) -> None:
        self._account = account
        self._settings = settings
        self._shown = Shown(base_url, account.id, settings)
        self._lists = Lists(account, settings, self._shown)

    def answer(self, path: str, query_string: str) -> Answer:
        """Answer a GET by its path below the root."""
        try:
            query = parse(query_string)
            answer = self._single_document(path, query, query_string) or self._stream(path, query)
        except BadQueryError as error:
            return invalid(error.path, error.detail)
        return answer or problem(404, f"Cannot GET {self._shown.base_url}{ROOT}{path}")

    def _single_document(self, path: str, query: Query, query_string: str) -> Answer | None:
        if path == "account":
            body = overview(self._account, self._settings, query.wanted, self._shown.base_url)
            return self._finished(body, query_string)
        if path == "events/types":
            return self._finished(_event_types(), "")
        return None

    def _stream(self, path: str, query: Query) -> Answer | None:
        """Answer for a list, one row of it, or what hangs on one entity."""
        collections = self._account.collections
        stream, _, last = path.rpartition("/")
        if FILES.name in (path, stream):
            return None
        if path in collections and path not in _NO_LIST:
            return refusal(path, self._settings) or self._lists.page(collections[path], query)
        if stream in MAIN and last == "links":
            return refusal(stream, self._settings) or self._links(stream, query, None)
        if stream in collections:
            return refusal(stream, self._settings) or self._one(collections[stream], last, query)
        nested = _NESTED.match(path)
        if nested and nested[1] in MAIN:
            return refusal(nested[1], self._settings) or self._nested(nested, query)
        return None

    def _nested(self, found: re.Match[str], query: Query) -> Answer | None:
        entity, id_, what, item = found.groups()
        if what == "links":
            return self._links(entity, query, int(id_))
        collection = self._account.collections.get(f"{entity}/{what}")
        if collection is None:
            return None
        if refused := refusal(collection.stream.name, self._settings):
            return refused
        if item is not None:
            return self._one(collection, item, query)
        return self._lists.page(collection, query, (_OWNER_KEYS[what], int(id_)))

    def _one(self, collection: Collection, key: str, query: Query) -> Answer:
        stream = collection.stream
        row = collection.rows.get(int(key) if key.isdecimal() else key)
        if row is None and stream.name == "widgets":
            row = next((each for each in collection.rows.values() if each.facets[0] == key), None)
        if row is None or not self._is_visible(collection, row):
            missing = stream.missing_status
            return NO_CONTENT if missing == 204 else problem(missing, "Not found")
        return Answer(200, pages.single(stream, row, query, self._shown))

    def _is_visible(self, collection: Collection, row: Row) -> bool:
        return all(test(row) for test in visible(self._account, collection, self._settings))

    def _links(self, entity: str, query: Query, id_: int | None) -> Answer:
        text = bulk_links(self._account, entity, query.filters, id_)
        return NO_CONTENT if text is None else self._finished(text.encode(), "")

    def _finished(self, body: bytes, query_string: str) -> Answer:
        return Answer(200, pages.finish(body, query_string, self._shown))


def _event_types() -> bytes:
    types = event_types.catalogue()
    embedded = {"events_types": types}
    document = {"_total_items": len(types), "_links": {}, "_embedded": embedded}
    return json.dumps(document).encode()
