"""The pace of requests: even, never in bursts, one for all threads of a run."""

from __future__ import annotations

import math
import threading
import time
from collections import deque

from pyrate_limiter import GCRA, Limiter, Rate, StateBucket

# Of the allowed rate. The rest is a margin of 15 ms in a second for the way of a request to
# the server: one that is late by more, followed by punctual ones, would make eight.
SHARE = 0.986

# After a 429 every request takes two turns for that long.
SLOW_SECONDS = 60.0


class Pace:
    """Spaces requests evenly; thread-safe. rate in requests a second, 0 for no limit."""

    def __init__(self, rate: float) -> None:
        self._lock = threading.Lock()
        self._limiter: Limiter | None = None
        self._slow_until = 0.0
        if rate:
            interval_ms = math.ceil(1000 / rate / SHARE)
            # burst=1: two requests never come closer than the interval.
            bucket = StateBucket([Rate(1, interval_ms, burst=1)], algorithm=GCRA())
            self._limiter = Limiter(bucket, buffer_ms=0)
            count = math.ceil(rate)
            self._window_seconds = count * interval_ms / 1000
            self._sent: deque[float] = deque([-math.inf] * count, maxlen=count)

    def wait(self) -> float:
        """Block until the next request may be sent; returns the seconds waited."""
        if self._limiter is None:
            return 0.0
        started = time.monotonic()
        with self._lock:
            for _ in range(2 if started < self._slow_until else 1):
                self._limiter.try_acquire()
            # The limiter counts planned times. A thread that woke up late must not be
            # followed by punctual ones, so what was really sent counts as well.
            early = self._sent[0] + self._window_seconds - time.monotonic()
            if early > 0:
                time.sleep(early)
            self._sent.append(time.monotonic())
        return time.monotonic() - started

    def slow_down(self) -> None:
        """Half the pace for a minute: the server said that we were too fast."""
        self._slow_until = time.monotonic() + SLOW_SECONDS
