"""Requests to amoCRM, counted where they are sent: by stream, by status, and when."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

# In place of a status: no connection, no answer in time, or one that broke off.
NO_ANSWER = "no answer"

# Requests for tokens belong to no stream.
OAUTH = "oauth"


@dataclass(slots=True)
class Sent:
    """One request that is under way; its status is noted when the whole answer is there."""

    status: str = NO_ANSWER
    waited: float = 0.0  # for its turn, seconds
    at: float | None = None  # by time.monotonic(); None: it did not come to that
    was_called_off: bool = False


@dataclass(frozen=True, slots=True)
class Sums:
    """All requests so far, keyed by (stream, status); first and last by time.monotonic()."""

    requests: Counter[tuple[str, str]] = field(default_factory=Counter)
    retries: Counter[tuple[str, str]] = field(default_factory=Counter)
    first: float | None = None
    last: float | None = None


class Traffic:
    """The counter that all threads of a process share."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, str]] = Counter()
        self._retries: Counter[tuple[str, str]] = Counter()
        self._first: float | None = None
        self._last: float | None = None

    @contextmanager
    def sending(self, stream: str, attempt: int) -> Iterator[Sent]:
        """Count the request that is made inside, when it ends; attempt 1 is no retry."""
        sent = Sent()
        try:
            yield sent
        finally:
            if not sent.was_called_off:
                self._count(stream, attempt, sent)

    def _count(self, stream: str, attempt: int, sent: Sent) -> None:
        # Without a connection there was nothing to send; it counts all the same.
        at = time.monotonic() if sent.at is None else sent.at
        with self._lock:
            self._requests[stream, sent.status] += 1
            self._retries[stream, sent.status] += attempt > 1
            self._first = at if self._first is None else min(self._first, at)
            self._last = at if self._last is None else max(self._last, at)

    def so_far(self) -> Sums:
        """A copy that does not change any more."""
        with self._lock:
            return Sums(Counter(self._requests), Counter(self._retries), self._first, self._last)
