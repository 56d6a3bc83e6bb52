"""What the server saw: requests by path and status, and when they arrived."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field

from sandbox.limits import WINDOW_SECONDS
from sandbox.wire import Json


@dataclass(slots=True)
class Stats:
    """Counters since the start or the last reset; calls under /_sandbox/ are not counted."""

    arrivals: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    paths: Counter[str] = field(default_factory=Counter)
    targets: Counter[str] = field(default_factory=Counter)
    body_bytes: int = 0
    in_flight: int = 0
    max_in_flight: int = 0

    def arrive(self, target: str, moment: float) -> None:
        """Count a request at its arrival; the target is its path and its query."""
        self.arrivals.append(moment)
        self.paths[target.partition("?")[0]] += 1
        self.targets[target] += 1
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)

    def leave(self, outcome: str, body_bytes: int) -> None:
        """Count a request at its end; `outcome` is the status or what was done instead."""
        self.statuses[outcome] += 1
        self.body_bytes += body_bytes
        self.in_flight -= 1

    def reset(self) -> None:
        """Start from nothing, but for requests still under way."""
        self.arrivals.clear()
        self.statuses.clear()
        self.paths.clear()
        self.targets.clear()
        self.body_bytes = 0
        self.max_in_flight = self.in_flight

    def report(self, with_arrivals: bool, with_targets: bool) -> Json:
        """Return everything as a document; times are the machine's, in Unix seconds."""
        shift = time.time() - time.monotonic()
        times = [round(moment + shift, 6) for moment in self.arrivals]
        document: Json = {
            "requests": len(times),
            "by_status": dict(self.statuses),
            "by_path": dict(self.paths),
            "max_in_one_second": busiest(self.arrivals),
            "max_in_flight": self.max_in_flight,
            "body_bytes": self.body_bytes,
            "first_arrival": times[0] if times else None,
            "last_arrival": times[-1] if times else None,
        }
        if with_arrivals:
            document["arrivals"] = times
        if with_targets:
            document["by_target"] = dict(self.targets)
        return document


def busiest(arrivals: list[float]) -> int:
    """Return the largest number of arrivals within any one second."""
    most = first = 0
    for last, moment in enumerate(arrivals):
        while arrivals[first] <= moment - WINDOW_SECONDS:
            first += 1
        most = max(most, last - first + 1)
    return most
