"""Charts: the Vega-Lite specifications of drawings/ with rows of SQL, as static SVG.

Each is drawn twice, for a desk and for a phone; style.css shows the one that fits and gives the
colours, which are its variables: so one drawing serves light and dark.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import vl_convert
from markupsafe import Markup

_FOLDER = Path(__file__).parent / "drawings"
_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)


@dataclass(frozen=True, slots=True)
class Size:
    """One of the two drawings."""

    name: str
    width: int
    label_width: int
    ticks: int
    columns: int
    has_labels: bool


DESK = Size("desk", 780, 190, 10, 4, has_labels=True)
PHONE = Size("phone", 222, 110, 4, 2, has_labels=False)


def draw(name: str, rows: Mapping[str, Iterable[Mapping[str, Any]]], **values: Any) -> Markup:
    """Both drawings of a chart; rows by the name of their data set, values for its $names."""
    return Markup("").join(_draw(name, rows, size, values) for size in (DESK, PHONE))


def seconds_axis(seconds: float, size: Size) -> list[int]:
    """Where the labels of an axis of time stand: whole seconds, minutes or hours."""
    step = next((step for step in _STEPS if seconds / step <= size.ticks), _STEPS[-1])
    return list(range(0, int(seconds) + 1, step))


def _draw(
    name: str, rows: Mapping[str, Iterable[Mapping[str, Any]]], size: Size, values: dict[str, Any]
) -> Markup:
    known = {
        "width": size.width,
        "ticks": size.ticks // 2,
        "run_width": size.width + size.label_width - 50,
        "panel_width": (size.width + size.label_width) // size.columns - 22,
        "label_width": size.label_width,
        # Fonts differ: a wider one than Vega knows must not run out of the picture.
        "label_limit": 0.85 * size.label_width,
        "columns": size.columns,
        "has_labels": size.has_labels,
    } | values
    if "seconds" in values:
        known["seconds_axis"] = seconds_axis(values["seconds"], size)
    spec = _fill(_spec(name), known)
    spec |= {"config": _spec("config"), "datasets": _plain(rows)}
    svg = vl_convert.vegalite_to_svg(spec, vl_version="6.4", allowed_base_urls=[])
    return Markup(f'<div class="{size.name}">{_tidy(svg)}</div>')  # noqa: S704 - Vega escapes


@cache
def _text(name: str) -> str:
    return (_FOLDER / f"{name}.json").read_text(encoding="utf-8")


def _spec(name: str) -> Any:
    return json.loads(_text(name))


def _fill(node: Any, values: Mapping[str, Any]) -> Any:
    """A specification with its "$name" replaced."""
    if isinstance(node, dict):
        return {key: _fill(value, values) for key, value in node.items()}
    if isinstance(node, list):
        return [_fill(value, values) for value in node]
    if isinstance(node, str) and node.startswith("$"):
        return values[node[1:]]
    return node


def _plain(rows: Mapping[str, Iterable[Mapping[str, Any]]]) -> Any:
    """As JSON, with the times of the session: Vega would turn them into those of this machine."""
    text = json.dumps({name: list(each) for name, each in rows.items()}, default=_local)
    return json.loads(text)


def _local(value: datetime) -> str:
    return value.replace(tzinfo=None).isoformat()


def _tidy(svg: str) -> str:
    """Without attributes that the policy of the page forbids; Vega sets none that is seen."""
    return re.sub(r' style="[^"]*"', "", svg)
