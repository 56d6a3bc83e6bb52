"""Faults that hit chosen requests: errors, wrong bodies, broken connections."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from fnmatch import fnmatchcase
from typing import Any

from sandbox.problems import HTML, NO_CONTENT, Answer, failure, html, problem
from sandbox.query import Query
from sandbox.settings import Settings

# What is done to the delivery of an answer that is itself right.
DELIVERIES = ("truncated", "cut", "reset", "slow")
ANSWERS = {
    "html_200": Answer(200, "<html><body>Вход в аккаунт</body></html>".encode(), HTML),
    "empty_200": Answer(200),
    "early_204": NO_CONTENT,
    "429_html": html(429),
    "403_html": html(403),
}
_STATUSES = (
    "400", "401", "402", "403", "404", "405", "409", "422", "429", "500", "502", "503", "504",
)  # fmt: skip


@dataclass(slots=True)
class Fault:
    """One fault: what happens, to which requests, and how often."""

    kind: str
    """http_STATUS, one of ANSWERS, or one of DELIVERIES."""
    path: str = "*"
    """The path, `*` stands for anything."""
    page: int | None = None
    limit_above: int | None = None
    skip: int = 0
    """Let this many requests that match pass first."""
    times: int | None = None
    """Strike this many times; always, when absent."""
    seconds: float = 1.0
    """How long `slow` waits."""
    struck: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        known = self.kind in DELIVERIES or self.kind in ANSWERS
        status = self.kind.removeprefix("http_")
        if not known and not (self.kind.startswith("http_") and status in _STATUSES):
            raise ValueError(f"unknown kind of fault {self.kind}")

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Fault:
        """Read a fault from JSON."""
        known = {each.name for each in fields(cls) if each.init}
        if unknown := set(document) - known:
            raise ValueError(f"unknown keys of a fault: {sorted(unknown)}")
        return cls(**document)

    def strikes(self, path: str, query: Query) -> bool:
        """Tell whether this request is hit, counting it."""
        if self.times is not None and self.struck >= self.times:
            return False
        if not fnmatchcase(path, self.path) or self.page not in (None, query.page):
            return False
        if self.limit_above is not None and (query.limit or 0) <= self.limit_above:
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.struck += 1
        return True


def answer(fault: Fault, settings: Settings) -> Answer | None:
    """Return the answer a fault gives in place of the right one, if it gives one."""
    if fault.kind in DELIVERIES:
        return None
    if fault.kind in ANSWERS:
        return ANSWERS[fault.kind]
    if fault.kind == "http_429":
        return problem(429, "Too many requests", retry_after=settings.retry_after)
    return failure(int(fault.kind.removeprefix("http_")))
