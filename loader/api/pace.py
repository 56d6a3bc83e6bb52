"""The pace of requests: even, never in bursts, one for all threads of a run."""

from __future__ import annotations

import math
import time

from pyrate_limiter import GCRA, Limiter, Rate, StateBucket

# After a 429 every request takes two turns for that long.
SLOW_SECONDS = 60.0


class Pace:
    """Spaces requests evenly; thread-safe. rate in requests a second, 0 for no limit."""

    def __init__(self, rate: float) -> None:
        self._limiter: Limiter | None = None
        self._slow_until = 0.0
        if rate:
            # burst=1: the pause between two requests never gets shorter than interval.
            interval = math.ceil(1000 / rate)
            bucket = StateBucket([Rate(1, interval, burst=1)], algorithm=GCRA())
            self._limiter = Limiter(bucket, buffer_ms=0)

    def wait(self) -> float:
        """Block until the next request may be sent; returns the seconds waited."""
        if self._limiter is None:
            return 0.0
        started = time.monotonic()
        self._limiter.try_acquire()
        if started < self._slow_until:
            self._limiter.try_acquire()
        return time.monotonic() - started

    def slow_down(self) -> None:
        """Half the pace for a minute: the server said that we were too fast."""
        self._slow_until = time.monotonic() + SLOW_SECONDS
