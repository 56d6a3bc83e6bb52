"""Rows that slipped through between two pages: found by what vanished while pages were read.

Paging goes by offset: when a row vanishes in front, all others move up, and the first one of
the next page moves onto a page that was already read (facts §3.5). The events say when; where
they may not be read, what slipped through comes with the next load.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from loader.db import Connection
from loader.paging import Listing
from loader.reading import Course, Step
from loader.runs import Run
from loader.streams import BY_NAME, Stream

# While pages are asked for again, more may vanish.
ROUNDS = 3
LAST = f"again {ROUNDS}"


@dataclass(frozen=True, slots=True)
class Recheck:
    """Asks again for pages of one run. `since`, in Unix seconds: from when on events count."""

    connection: Connection
    run: Run
    since: int

    def add_to(self, course: Course, streams: Sequence[Stream]) -> None:
        """Plan the rounds; each but the first has something to do only if the last one had."""
        watched = [stream for stream in streams if stream.vanishing]
        if not watched:
            course.note_ended(LAST)
            return
        types = sorted({one for stream in watched if stream.vanishing
                        for one in stream.vanishing.events})  # fmt: skip
        after = frozenset(stream.name for stream in watched)
        for number in range(1, ROUNDS + 1):
            check, again = f"check {number}", f"again {number}"
            course.add([
                Step(check, after, self._checker(number, types), is_urgent=True),
                Step(again, frozenset({check}), self._repeater(number), is_urgent=True),
            ])  # fmt: skip
            after = frozenset({again})

    def _checker(self, number: int, types: Sequence[str]) -> Callable[[], list[Listing]]:
        def open_events() -> list[Listing]:
            if number > 1 and not self._was_repeated(number - 1):
                return []
            stream = BY_NAME["events"]
            since = self.since if number == 1 else self.run.as_of
            only = {"filter[type]": ",".join(types), "filter[created_at][from]": str(since)}
            labels = {"check": str(number)}
            parameters = dict(stream.parameters) | only
            return [Listing(stream, stream.path, parameters, stream.page_limit, labels)]

        return open_events

    def _repeater(self, number: int) -> Callable[[], list[Listing]]:
        def open_pages() -> list[Listing]:
            rows = self.connection.execute(
                "SELECT stream, params, page_no FROM staging.shifted_pages(%s, %s)"
                " ORDER BY stream, page_no",
                (self.run.id, number),
            )
            return [
                _again(BY_NAME[name], params, page_no, number) for name, params, page_no in rows
            ]

        return open_pages

    def _was_repeated(self, number: int) -> bool:
        row = self.connection.execute(
            "SELECT FROM ops.pages WHERE run_id = %s AND params ->> 'again' = %s LIMIT 1",
            (self.run.id, str(number)),
        ).fetchone()
        return row is not None


def _again(stream: Stream, params: dict[str, str], page_no: int, number: int) -> Listing:
    parameters = {k: v for k, v in params.items() if k not in ("limit", "again")}
    limit, labels = int(params["limit"]), {"again": str(number)}
    return Listing(stream, stream.path, parameters, limit, labels, only_page=page_no)
