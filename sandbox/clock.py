"""The account's own time: fixed at the start, then running with the machine's."""

from __future__ import annotations

import time
from email.utils import formatdate


class Clock:
    """Seconds since 1970 as the account sees them."""

    def __init__(self, start: int) -> None:
        self._offset = start - time.monotonic()
        self._date = (0, "")

    def now(self) -> int:
        """Return the account's time."""
        return int(time.monotonic() + self._offset)

    def advance(self, seconds: float) -> None:
        """Jump forward."""
        self._offset += seconds

    def http_date(self) -> str:
        """Return the `Date` header, so that clients see one consistent world."""
        now = self.now()
        if self._date[0] != now:
            self._date = (now, formatdate(now, usegmt=True))
        return self._date[1]
