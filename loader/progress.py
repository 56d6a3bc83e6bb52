"""What a load tells whoever watches it: what is read, how far it is, how long it was last time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import LiteralString, Protocol

from loader.db import Connection
from loader.metrics import Traffic

# What is asked for by id, again, or as a check is a reading of its own, as loader/reading.py
# names it. What an earlier process of this run has ended is not read any more.
_KNOWN: LiteralString = """
    WITH this AS (
        SELECT id, account_id, mode, companies, streams FROM ops.runs WHERE id = %s
    ),
    last AS (
        SELECT ended.stream, max(ended.run_id) AS run_id
        FROM ops.run_streams AS ended
        INNER JOIN ops.runs AS run ON ended.run_id = run.id
        INNER JOIN this
            ON run.account_id = this.account_id AND run.mode = this.mode AND run.id < this.id
            AND run.companies IS NOT DISTINCT FROM this.companies
            AND ended.stream = ANY (this.streams)
        WHERE ended.status = 'complete'
            AND NOT EXISTS (
                SELECT FROM ops.run_streams AS done
                WHERE done.run_id = this.id AND done.stream = ended.stream
                    AND done.status <> 'failed'
            )
        GROUP BY ended.stream
    )
    SELECT
        CASE
            WHEN page.params ? 'check' THEN 'check ' || (page.params ->> 'check')
            WHEN page.params ? 'again' THEN 'again ' || (page.params ->> 'again')
            WHEN page.params ? 'ids' THEN 'missing ' || page.stream
            ELSE last.stream
        END AS reading,
        count(*) FILTER (WHERE page.status = 'staged')
    FROM last
    LEFT JOIN ops.pages AS page ON last.run_id = page.run_id AND last.stream = page.stream
    GROUP BY reading
"""


class Watcher(Protocol):
    """Told by the main thread of a load; a reading is a stream, or a step of its own."""

    def begun(self, known: Mapping[str, int], limit: float, requests: Callable[[], int]) -> None:
        """known: pages by reading, last time; limit: requests a second, 0 for none; requests:
        how many were sent until now, from any thread."""

    def opened(self, reading: str) -> None:
        """Its pages are asked for from now on."""

    def landed(self, reading: str) -> None:
        """One more of its pages is committed, or was known to be; one with something in it."""

    def ended(self, reading: str, status: str) -> None:
        """It is complete, skipped or failed."""


def is_stream(reading: str) -> bool:
    """Else it is a check, pages that are asked for again, or what is missing."""
    return " " not in reading


class Nobody:
    """Watches nothing."""

    def begun(self, known: Mapping[str, int], limit: float, requests: Callable[[], int]) -> None:
        """Nothing."""

    def opened(self, reading: str) -> None:
        """Nothing."""

    def landed(self, reading: str) -> None:
        """Nothing."""

    def ended(self, reading: str, status: str) -> None:
        """Nothing."""


NOBODY = Nobody()

# Told before each file of a transform: its name, and how many files there are.
OnFile = Callable[[str, int], None]


def unwatched(_file: str, _count: int) -> None:
    """Nobody looks at the files."""


def begin(
    watcher: Watcher, connection: Connection, run_id: int, limit: float, traffic: Traffic
) -> None:
    """Tell what is known before the first list; nothing is asked for nobody."""
    if watcher is NOBODY:
        return

    def requests() -> int:
        return traffic.so_far().requests.total()

    watcher.begun(known_pages(connection, run_id), limit, requests)


def known_pages(connection: Connection, run_id: int) -> dict[str, int]:
    """Pages by reading in the newest complete load of each stream that this run is to read."""
    return dict(connection.execute(_KNOWN, (run_id,)).fetchall())
