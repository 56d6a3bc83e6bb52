"""The page: the figures and charts of one report as one HTML file that asks for nothing."""

from __future__ import annotations

import base64
import hashlib
from statistics import median
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from loader.chronicle import charts, words
from loader.chronicle.facts import Row

# Of which the tiles at the top say what is usual.
_TILES = (
    "seconds", "rows_read", "changed", "rejected", "requests", "rate", "answers_429", "wal_bytes",
)  # fmt: skip
_WORDS = (("tuned", True), ("not tuned", False))

# More bars than these leave no room for a number above each.
_MOST_LABELS = 40


def render(facts: dict[str, Any]) -> str:
    """The whole page. What people typed is escaped wherever it stands."""
    environment = Environment(
        loader=PackageLoader("loader.chronicle", "sections"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= words.FILTERS
    style = environment.get_template("style.css").render()
    page = environment.get_template("page.html")
    return page.render(
        facts,
        style=Markup(style),  # noqa: S704 - our own file
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        usual=_usual(facts["runs"][:-1]),
        tuned=_tuned(facts["runs"]),
        charts=_of_the_run(facts) | _of_all_runs(_labelled(facts["runs"]), facts["growth"]),
    )


def _of_the_run(facts: dict[str, Any]) -> dict[str, Markup]:
    """Charts of its load and its transform, where it has them."""
    drawn = {}
    streams, requests = facts["streams"], facts["requests"]
    if requests:
        ends = [row["to_second"] for row in (*streams, *requests) if row["to_second"] is not None]
        seconds = max(ends)
        drawn["timeline"] = charts.draw(
            "timeline",
            {"requests": requests, "streams": streams},
            seconds=seconds,
            least=seconds / 300,
        )
        drawn["load_time"] = charts.draw("load_time", {"streams": streams})
    if facts["files"]:
        drawn["file_time"] = charts.draw("file_time", {"files": facts["files"]})
    return drawn


def _of_all_runs(runs: list[Row], growth: list[Row]) -> dict[str, Markup]:
    """Charts of it and of the runs before, where they have a transform."""
    drawn = {}
    shared = {"keys": [run["key"] for run in runs], "has_room": len(runs) <= _MOST_LABELS}
    if any(run["transform_ids"] for run in runs):
        drawn["changes"] = charts.draw("changes", {"runs": runs}, **shared)
        drawn["cost"] = charts.draw("cost", {"runs": runs}, **shared)
    if growth:
        kinds = list(dict.fromkeys(row["entity"] for row in growth))
        drawn["growth"] = charts.draw("growth", {"growth": growth}, kinds=kinds)
    return drawn


def _labelled(runs: list[Row]) -> list[Row]:
    """With the key of the axis: unique, and behind the bar what is shown of it."""
    days = {run["started_at"].date() for run in runs}
    shown = "%m-%d" if len(days) == len(runs) else "%H:%M" if len(days) == 1 else "%m-%d %H:%M"
    return [run | {"key": f"{run['id']}|{run['started_at']:{shown}}"} for run in runs]


def _usual(runs: list[Row]) -> dict[str, float]:
    """The median of each figure over the runs before."""
    known = {name: [run[name] for run in runs if run[name] is not None] for name in _TILES}
    return {name: median(values) for name, values in known.items() if values}


def _tuned(runs: list[Row]) -> list[dict[str, Any]]:
    """Medians of the transforms with and without changes by bin/tune in force."""
    done = [run for run in runs if run["transform_seconds"] is not None and run["wal_bytes"]]
    groups = {word: [r for r in done if r["is_tuned"] is is_tuned] for word, is_tuned in _WORDS}
    return [
        {
            "what": word,
            "runs": len(group),
            "transform_seconds": median(run["transform_seconds"] for run in group),
            "wal_bytes": median(run["wal_bytes"] for run in group),
            "changed": median(run["changed"] or 0 for run in group),
        }
        for word, group in groups.items()
        if group
    ]
