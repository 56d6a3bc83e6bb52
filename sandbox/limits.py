"""The rate limit: a strict sliding window of one second over arrivals (facts §1.6)."""

from __future__ import annotations

from collections import deque

from sandbox.problems import Answer, html, problem
from sandbox.settings import Settings

WINDOW_SECONDS = 1.0


class Limiter:
    """Counts arrivals, refuses those over the rate, and blocks who does not listen."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._recent: deque[float] = deque()
        self.violations = 0

    def reset(self) -> None:
        """Forget all arrivals and violations."""
        self._recent.clear()
        self.violations = 0

    def refuse(self, arrival: float) -> Answer | None:
        """Return the refusal of a request that arrived now, or None when it may pass.

        Refused requests count as well: hammering does not help.
        """
        settings = self._settings
        while self._recent and self._recent[0] <= arrival - WINDOW_SECONDS:
            self._recent.popleft()
        self._recent.append(arrival)
        if settings.blocked:
            return html(403)
        if not settings.rate or len(self._recent) <= settings.rate:
            return None
        self.violations += 1
        if settings.block_after and self.violations >= settings.block_after:
            settings.blocked = True
        if settings.rate_body == "html":
            return html(429)
        return problem(429, "Too many requests", retry_after=settings.retry_after)
