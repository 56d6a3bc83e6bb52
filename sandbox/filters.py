"""Filters of a list turned into tests of a row (facts §3.3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sandbox import field_filters
from sandbox.query import BadQueryError, Query
from sandbox.store import Collection, Id, Row, Test
from sandbox.streams import RANGES, Stream

# Lists where a bare number in a range filter means "after" (facts §3.3).
AFTER = ("tasks", "notes", "events")
MAX_EVENT_IDS = 10

# Filters that are called otherwise than the key they look at.
RENAMED = {"entity": "entity_type", "task_type": "task_type_id", "uid": "id"}


def tests(
    collection: Collection, query: Query, honoured: bool, fields: Mapping[int, str]
) -> list[Test]:
    """Return the tests that a query puts to each row, but for ids; others are ignored.

    `fields` are the types of the custom fields that the rows may have.
    """
    stream = collection.stream
    made: list[Test] = []
    if honoured:
        if stream.name == "events":
            _check_events(query.filters)
        for name, wanted in query.filters.items():
            if name not in stream.filters or name == "id":
                continue
            if name == field_filters.NAME:
                made += field_filters.tests(collection, wanted, fields)
            elif name == "statuses":
                made.append(_status_pairs(collection, wanted))
            elif name in RANGES:
                made.append(_range(collection, name, wanted))
            else:
                made.append(_values(collection, RENAMED.get(name, name), wanted))
    if query.search:
        made.append(_full_text(collection, query.search))
    return made


def chosen_ids(stream: Stream, query: Query, honoured: bool) -> list[Id] | None:
    """Return the ids that a query names, or None when it is about all rows."""
    if not honoured or "id" not in stream.filters:
        return None
    if "id" in query.filters:
        texts = dict.fromkeys(listed(stream, query.filters["id"]))
    else:
        # The PHP library asks for catalog elements by a bare id[] (facts §3.3).
        bare = (value for name, value in query.pairs if name.startswith("id["))
        texts = dict.fromkeys(bare if stream.key == "elements" else ())
        if not texts:
            return None
    return [int(text) if text.isdecimal() else text for text in texts]


def listed(stream: Stream, wanted: Any) -> list[str]:
    """Return the values of a filter in any of its spellings (facts §3.1)."""
    if isinstance(wanted, dict):
        return [str(value) for value in wanted.values()]
    # Comma lists are documented for events only.
    return str(wanted).split(",") if stream.name == "events" else [str(wanted)]


def _values(collection: Collection, key: str, wanted: Any) -> Test:
    values = set(listed(collection.stream, wanted))
    value_of = collection.getter(key)
    return lambda row: _text(value_of(row)) in values


def _text(value: Any) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)


def _range(collection: Collection, key: str, wanted: Any) -> Test:
    value_of = collection.getter(key)
    if isinstance(wanted, dict):
        low, high = _number(key, wanted.get("from")), _number(key, wanted.get("to"))
    else:
        low, high = _number(key, wanted), None
        if collection.stream.key not in AFTER:
            # On leads a bare number found nothing (facts §3.3, issue #358): it is equality.
            high = low
    return _between(value_of, low, high)


def _between(value_of: Callable[[Row], Any], low: int | None, high: int | None) -> Test:
    def test(row: Row) -> bool:
        value = value_of(row)
        if not isinstance(value, int | float):
            return False
        return (low is None or value >= low) and (high is None or value <= high)

    return test


def _number(key: str, text: Any) -> int | None:
    if text is None or text == "":
        return None
    try:
        return int(text)
    except (TypeError, ValueError) as exc:
        raise BadQueryError(f"filter.{key}", "This value should be a number.") from exc


def _status_pairs(collection: Collection, wanted: Any) -> Test:
    pairs = {
        (str(pair.get("pipeline_id")), str(pair.get("status_id")))
        for pair in (wanted.values() if isinstance(wanted, dict) else ())
        if isinstance(pair, dict)
    }
    pipeline_of, status_of = collection.getter("pipeline_id"), collection.getter("status_id")
    return lambda row: (str(pipeline_of(row)), str(status_of(row))) in pairs


def _full_text(collection: Collection, text: str) -> Test:
    digits = "".join(filter(str.isdecimal, text))
    if digits and not any(map(str.isalpha, text)):
        # Phones are searched by their digits however they were typed (facts §3.1).
        return lambda row: (
            digits
            in "".join(char for char in collection.text(row) if char.isdecimal() or char == "\n")
        )
    return lambda row: text in collection.text(row)


def _check_events(filters: dict[str, Any]) -> None:
    for name in ("created_by", "entity_id"):
        if name in filters and len(_event_values(filters[name])) > MAX_EVENT_IDS:
            raise BadQueryError(f"filter.{name}", f"At most {MAX_EVENT_IDS} values are allowed.")
    if "entity_id" in filters and len(_event_values(filters.get("entity", {}))) != 1:
        raise BadQueryError("filter.entity", "Exactly one entity is needed with entity_id.")


def _event_values(wanted: Any) -> list[str]:
    if isinstance(wanted, dict):
        return [str(value) for value in wanted.values()]
    return str(wanted).split(",")
