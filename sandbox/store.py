"""The rows of each stream, alive and deleted, in every order that was asked for."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox import wire
from sandbox.streams import Stream

Id = int | str
Test = Callable[["Row"], bool]

# A view is an ordered, filtered list; paging asks for the same one again and again.
MAX_VIEWS = 64


@dataclass(slots=True)
class Row:
    """One entity as the text it is served as, and the few keys it is found by."""

    id: Id
    created_at: int
    updated_at: int
    facets: tuple[Any, ...]
    core: bytes
    """The text up to the blocks that a request may ask for; not closed."""
    blocks: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """Which rows are wanted, and in which order."""

    tests: list[Test] = field(default_factory=list)
    ids: list[Id] | None = None
    """Only these, when given."""
    order: str = "id"
    descending: bool = False


@dataclass(slots=True)
class Collection:
    """All rows of one stream."""

    stream: Stream
    rows: dict[Id, Row] = field(default_factory=dict)
    trash: dict[Id, Row] = field(default_factory=dict)
    stubs: dict[Id, Row] = field(default_factory=dict)
    """What `with=only_deleted` shows of the rows in the trash (facts §7.1)."""
    _ids: list[Id] = field(default_factory=list)
    _views: dict[Any, list[Row]] = field(default_factory=dict)
    _texts: dict[Id, tuple[bytes, str]] = field(default_factory=dict)

    def add(self, rows: Iterable[Row]) -> None:
        """Put rows in, replacing those with the same id."""
        for row in rows:
            self.rows[row.id] = row
        self.changed()

    def changed(self) -> None:
        """Forget every view, because the rows are no longer the same."""
        self._views.clear()
        self._ids = []

    @property
    def ids(self) -> list[Id]:
        """The ids of all alive rows, for drawing one at random."""
        if not self._ids:
            self._ids = list(self.rows)
        return self._ids

    def view(self, key: Hashable, question: Question) -> list[Row]:
        """Return the rows a question is about; `key` is what else it depends on."""
        full_key = (key, question.order, question.descending)
        if full_key not in self._views:
            if len(self._views) >= MAX_VIEWS:
                self._views.pop(next(iter(self._views)))
            self._views[full_key] = self.select(self.rows, question)
        return self._views[full_key]

    def select(self, rows: Mapping[Id, Row], question: Question) -> list[Row]:
        """Return those of some rows that pass all tests, in order."""
        if question.ids is None:
            candidates = list(rows.values())
        else:
            candidates = [rows[id_] for id_ in question.ids if id_ in rows]
        for test in question.tests:
            candidates = [row for row in candidates if test(row)]
        candidates.sort(key=self._sort_key(question.order), reverse=question.descending)
        return candidates

    def _sort_key(self, order: str) -> Callable[[Row], Any]:
        if order == "id":
            return lambda row: row.id
        value = self.getter(order)
        return lambda row: (_number(value(row)), row.id)

    def getter(self, key: str) -> Callable[[Row], Any]:
        """Return the quickest way to read a top-level key of a row."""
        if key in ("id", "created_at", "updated_at"):
            return lambda row: getattr(row, key)
        if key in self.stream.facets:
            position = self.stream.facets.index(key)
            return lambda row: row.facets[position]
        return lambda row: self.document(row).get(key)

    def document(self, row: Row) -> wire.Json:
        """Parse a row back to the object it was written from, without requested blocks."""
        return wire.decode(row.core + self.stream.closing + b"}")

    def text(self, row: Row) -> str:
        """Return the lower-case text that `query` searches: the name and all field values."""
        known = self._texts.get(row.id)
        if known is None or known[0] is not row.core:
            document = self.document(row)
            words = [str(document.get("name"))]
            for value in document.get("custom_fields_values") or ():
                if isinstance(value, dict):
                    words.extend(_strings(value.get("values")))
            known = (row.core, "\n".join(words).lower())
            self._texts[row.id] = known
        return known[1]


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from _strings(part)
    elif isinstance(value, list):
        for part in value:
            yield from _strings(part)
