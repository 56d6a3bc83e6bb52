"""SIGTERM and SIGINT: the first asks to stop after the pages in flight, the second ends."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class StopOnSignal:
    """Sets `event` at the first signal and remembers its number; the second one kills."""

    def __init__(self) -> None:
        self.event = threading.Event()
        self.number: int | None = None
        self._before: dict[int, Any] = {}
        self._raises = False

    def __enter__(self) -> StopOnSignal:
        for number in (signal.SIGTERM, signal.SIGINT):
            self._before[number] = signal.signal(number, self._stop)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextmanager
    def interrupting(self) -> Iterator[None]:
        """Inside, a signal raises KeyboardInterrupt as well: psycopg cancels its statement."""
        self._raises = True
        try:
            if self.number is not None:
                raise KeyboardInterrupt
            yield
        finally:
            self._raises = False

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        self.number = number
        self.event.set()
        signal.signal(number, signal.SIG_DFL)
        if self._raises:
            raise KeyboardInterrupt
