"""What a check says, and the few words that all checks share."""

from __future__ import annotations

from dataclasses import dataclass

OK, WARN, FAIL, SKIP = "OK", "WARN", "FAIL", "SKIP"

MINUTE, HOUR, DAY = 60, 3600, 86_400


@dataclass(frozen=True, slots=True)
class Measure:
    """A number for graphs; warn and fail: its thresholds, where it has some."""

    name: str
    value: int
    unit: str = ""
    warn: int | None = None
    fail: int | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check; its name is filled in by who runs it."""

    name: str
    status: str
    detail: str
    hint: str = ""
    measures: tuple[Measure, ...] = ()


class Skip(Exception):  # noqa: N818 - an outcome
    """The check has nothing to look at here; says why."""


def ok(detail: str, *measures: Measure) -> Finding:
    """As it should be."""
    return Finding("", OK, detail, "", measures)


def warn(detail: str, hint: str, *measures: Measure) -> Finding:
    """Tonight will do, but somebody should look."""
    return Finding("", WARN, detail, hint, measures)


def fail(detail: str, hint: str, *measures: Measure) -> Finding:
    """Tonight will fail, or what people read is old."""
    return Finding("", FAIL, detail, hint, measures)


def span(seconds: float) -> str:
    """A length of time for a person: 40 s, 12 min, 7 h, 3 days."""
    for unit, size in (("days", DAY), ("h", HOUR), ("min", MINUTE)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def first(names: list[str], count: int = 3) -> str:
    """The first of them, and how many more there are."""
    shown = ", ".join(names[:count])
    return f"{shown} and {len(names) - count} more" if len(names) > count else shown
