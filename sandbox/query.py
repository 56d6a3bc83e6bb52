"""The query string of a list, read the way PHP reads it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, urlencode


@dataclass(frozen=True, slots=True)
class Query:
    """What a request asks of a list; `pairs` keeps everything as it was sent."""

    pairs: tuple[tuple[str, str], ...]
    page: int
    limit: int | None
    wanted: frozenset[str]
    order: tuple[str, str] | None
    filters: dict[str, Any]
    search: str
    """The lower-case `query`, full text over the filled fields."""
    text: str
    """The query string in the spelling of links."""

    @property
    def question(self) -> tuple[tuple[str, str], ...]:
        """What decides which rows are in the list, whatever the page."""
        return tuple(pair for pair in self.pairs if pair[0] not in ("page", "limit", "with"))

    def echo(self, page: int, limit: int) -> str:
        """Return the query string that links show: as sent, with page and limit filled in."""
        fixed = {"page": str(page), "limit": str(limit)}
        pairs = [(name, fixed.pop(name, value)) for name, value in self.pairs]
        return urlencode(pairs + list(fixed.items()))


class BadQueryError(Exception):
    """The query string has a parameter of the wrong form."""

    def __init__(self, path: str, detail: str) -> None:
        super().__init__(detail)
        self.path = path
        self.detail = detail


@lru_cache(maxsize=4096)
def parse(text: str) -> Query:
    """Read a query string."""
    pairs = tuple(parse_qsl(text, keep_blank_values=True))
    tree = php_tree(pairs)
    return Query(
        pairs=pairs,
        page=_positive(tree, "page") or 1,
        limit=_positive(tree, "limit"),
        wanted=frozenset(_words(tree.get("with", ""))),
        order=_first_pair(tree.get("order")),
        filters=tree["filter"] if isinstance(tree.get("filter"), dict) else {},
        search=str(tree.get("query", "")).strip().lower(),
        text=urlencode(pairs),
    )


def _first_pair(order: Any) -> tuple[str, str] | None:
    """Return the field and the direction of the one order a list is sorted by."""
    if not isinstance(order, dict):
        return None
    name, direction = next(iter(order.items()))
    return name, str(direction).lower()


def _words(value: Any) -> list[str]:
    """Return the words of a parameter that is one comma list or an array."""
    return list(value.values()) if isinstance(value, dict) else str(value).split(",")


def _positive(tree: dict[str, Any], name: str) -> int | None:
    value = tree.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not value.isdecimal() or int(value) == 0:
        raise BadQueryError(name, "This value should be a positive number.")
    return int(value)


def php_tree(pairs: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    """Turn `a[b][]=1` into {"a": {"b": {"0": "1"}}}, PHP's own rule for brackets."""
    tree: dict[str, Any] = {}
    for name, value in pairs:
        *path, last = _keys(name)
        node = tree
        for key in path:
            below = node.setdefault(key or str(len(node)), {})
            if not isinstance(below, dict):
                below = node[key] = {}
            node = below
        node[last or str(len(node))] = value
    return tree


def _keys(name: str) -> Iterator[str]:
    head, *rest = name.split("[")
    yield head
    for part in rest:
        yield part.removesuffix("]")
