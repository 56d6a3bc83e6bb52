"""Numbers and times as the page writes them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

NONE = "–"
_UNITS = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


def number(value: float | None) -> str:
    """10,129,902."""
    return NONE if value is None else f"{value:,.0f}"


def size(value: float | None) -> str:
    """12.1 MB."""
    if value is None:
        return NONE
    for unit, name in _UNITS:
        if value >= unit:
            return f"{value / unit:,.1f} {name}"
    return f"{value:,.0f} B"


def seconds(value: float | None) -> str:
    """0.42 s, 12.8 s, 3 min 20 s, 2 h 05 min."""
    if value is None:
        return NONE
    if value < 99.95:
        return f"{value:.2f} s" if value < 0.995 else f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    return f"{minutes // 60} h {minutes % 60:02} min"


def share(value: float | None) -> str:
    """98.0 %."""
    return NONE if value is None else f"{100 * value:.1f} %"


def when(value: datetime | None) -> str:
    """2026-11-30 03:00:12, in the time zone of the session."""
    return NONE if value is None else f"{value:%Y-%m-%d %H:%M:%S}"


def rate(value: float | None) -> str:
    """6.86/s."""
    return NONE if value is None else f"{value:.2f}/s"


FILTERS: dict[str, Callable[..., str]] = {
    "number": number,
    "size": size,
    "seconds": seconds,
    "share": share,
    "when": when,
    "rate": rate,
}
