"""The pace of requests: even, never in bursts, one for all who ask an account."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from datetime import datetime, timedelta
from typing import LiteralString, cast
from urllib.parse import urlsplit

from loader import db
from loader.db import Connection, Params

# Of the allowed rate. The rest is a margin of 20 ms in a second for the way of a request to
# the server: one that is late by more, followed by punctual ones, would make eight. And one
# 429 costs a minute at half the pace.
SHARE = 0.98

# How late a request may be, of that margin, without a word to the other processes.
TOLERANCE_SECONDS = 0.002

# After a 429 every request takes two turns for that long.
SLOW_SECONDS = 60.0

# A turn that is a hundred intervals away was given out before the server's clock was set back.
_TAKE_TURN: LiteralString = """
    INSERT INTO ops.pace AS pace (host, next_at)
    VALUES (%(host)s, clock_timestamp() + %(interval)s)
    ON CONFLICT ON CONSTRAINT pace_pkey DO UPDATE SET next_at = %(interval)s + greatest(
        clock_timestamp(),
        CASE WHEN pace.next_at < clock_timestamp() + 100 * %(interval)s THEN pace.next_at
            + CASE WHEN pace.slow_until > clock_timestamp() THEN %(interval)s ELSE '0' END
        END
    )
    RETURNING pace.next_at - %(interval)s, clock_timestamp()
"""
_READ_CLOCK: LiteralString = "SELECT clock_timestamp(), clock_timestamp()"
_PUT_OFF: LiteralString = """
    INSERT INTO ops.pace AS pace (host, next_at)
    VALUES (%(host)s, clock_timestamp() + %(interval)s)
    ON CONFLICT ON CONSTRAINT pace_pkey
    DO UPDATE SET next_at = pace.next_at + (clock_timestamp() - %(turn)s)
    RETURNING clock_timestamp(), clock_timestamp()
"""
_SLOW_DOWN: LiteralString = (
    "UPDATE ops.pace SET slow_until = clock_timestamp() + %s WHERE host = %s"
)


class Pace:
    """Spaces the requests of all processes that share the account and the database.

    Thread-safe. rate in requests a second, 0 for no limit and no SQL. Raises psycopg.Error and
    what db.connect raises.
    """

    def __init__(self, rate: float, base_url: str, dsn: str) -> None:
        self.begun = threading.Event()  # the first turn was used
        self._dsn = dsn
        self._host = urlsplit(base_url).netloc.lower().removesuffix(":443")
        self._turn = threading.Lock()
        self._opening = threading.Lock()
        self._connection: Connection | None = None
        self._interval = 1 / rate / SHARE if rate else 0.0
        self._parameters: dict[str, object] = {
            "host": self._host,
            "interval": timedelta(seconds=self._interval),
        }
        count = math.ceil(rate)
        self._window_seconds = count * self._interval
        self._sent: deque[float] = deque([-math.inf] * count, maxlen=count)
        self._ahead: deque[float] = deque(maxlen=20)

    def wait(self) -> float:
        """Block until the next request may be sent; returns the seconds waited."""
        if not self._interval:
            self.begun.set()
            return 0.0
        started = time.monotonic()
        with self._turn:
            turn = self._await_turn()
            while self._since(turn) > self._interval:
                # Overslept altogether: the requests of others are all around it.
                turn = self._await_turn()
            for _ in range(2):  # the second one is for the time that the first one took
                if self._since(turn) > TOLERANCE_SECONDS:
                    # Turns are counted as planned: punctual ones must not follow a late one.
                    turn = self._ask(self._open(), _PUT_OFF, self._parameters | {"turn": turn})
            self._sent.append(time.monotonic())
            self.begun.set()
        return time.monotonic() - started

    def _await_turn(self) -> datetime:
        """Take a turn, sleep until it, and return the moment that it is, or was."""
        turn = self._ask(self._open(), _TAKE_TURN, self._parameters)
        # Of this process, what was really sent counts, not only what was planned.
        guard = self._sent[0] + self._window_seconds - time.monotonic()
        time.sleep(max(0.0, -self._since(turn), guard))
        return turn

    def _since(self, moment: datetime) -> float:
        """Seconds since a moment of the server."""
        return time.monotonic() + max(self._ahead) - moment.timestamp()

    def _ask(
        self, connection: Connection, query: LiteralString, parameters: Params | None = None
    ) -> datetime:
        """Return the first column; the second is the server's clock, which is compared to ours.

        The answers that were quickest on their way tell best how far it is ahead.
        """
        asked = time.monotonic()
        moment, read_at = connection.execute(query, parameters).fetchall()[0]
        answered = time.monotonic()
        read = read_at.timestamp()
        if self._ahead and max(self._ahead) > read - asked:
            self._ahead.clear()  # one of the clocks was set
        self._ahead.append(read - answered)
        return cast(datetime, moment)

    def slow_down(self) -> None:
        """Half the pace of all for a minute: the server said that we were too fast."""
        if self._interval:
            parameters = (timedelta(seconds=SLOW_SECONDS), self._host)
            self._open().execute(_SLOW_DOWN, parameters)

    def _open(self) -> Connection:
        with self._opening:
            if self._connection is None:
                self._connection = db.connect(self._dsn, command="pace")
                # The first turn must not depend on one answer, which may have been a slow one.
                for _ in range(3):
                    self._ask(self._connection, _READ_CLOCK)
            return self._connection

    def close(self) -> None:
        """Close the connection; nobody waits any more."""
        with self._opening:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def __enter__(self) -> Pace:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
