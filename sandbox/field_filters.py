"""Filters by the value of a custom field: what they compare depends on its type (facts §3.3)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from sandbox.store import Collection, Row, Test
from sandbox.wire import Json

NAME = "custom_fields_values"

_BY_TEXT = ("text", "textarea", "url", "streetaddress")
_BY_OPTION = ("select", "multiselect", "radiobutton")
_BY_RANGE = ("date", "date_time", "numeric")

_Judge = Callable[[Json], bool]


def tests(collection: Collection, wanted: Any, types: Mapping[int, str]) -> list[Test]:
    """Return one test for each field that can be filtered by; phones and the like cannot."""
    made = []
    for key, value in wanted.items() if isinstance(wanted, dict) else ():
        field_id = int(key) if key.isdecimal() else 0
        judge = _judge(types.get(field_id, ""), value)
        if judge is not None:
            made.append(_test(collection, field_id, judge))
    return made


def _test(collection: Collection, field_id: int, judge: _Judge) -> Test:
    def test(row: Row) -> bool:
        return any(judge(value) for value in _values(collection.document(row), field_id))

    return test


def _values(document: Json, field_id: int) -> Iterator[Json]:
    for entry in document.get("custom_fields_values") or ():
        if entry.get("field_id") == field_id:
            yield from entry["values"]


def _judge(kind: str, wanted: Any) -> _Judge | None:
    listed = wanted if isinstance(wanted, dict) else {"0": wanted}
    if kind in _BY_RANGE and ("from" in listed or "to" in listed):
        return _range(_number(listed.get("from")), _number(listed.get("to")))
    texts = {str(value) for value in listed.values()}
    if kind in _BY_TEXT:
        return lambda value: str(value.get("value")) in texts
    if kind in _BY_OPTION:
        return lambda value: str(value.get("enum_id")) in texts
    if kind == "checkbox":
        return lambda value: ("1" if value.get("value") else "0") in texts
    if kind == "numeric":
        numbers = {_number(text) for text in texts} - {None}
        return lambda value: _number(value.get("value")) in numbers
    return None


def _range(low: float | None, high: float | None) -> _Judge:
    def judge(value: Json) -> bool:
        number = _number(value.get("value"))
        if number is None:
            return False
        return (low is None or number >= low) and (high is None or number <= high)

    return judge


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
