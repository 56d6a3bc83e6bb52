"""The steps that read the streams of a load, whole or what changed in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from loader import listings, runs
from loader.db import Connection, scalar
from loader.errors import AmoError, TemporaryError
from loader.paging import Listing
from loader.reading import Course, Reading, Step
from loader.runs import Ended, Run
from loader.streams import Stream


@dataclass(slots=True)
class Outcome:
    """How the streams of a load ended, by name."""

    run: Run
    complete: dict[str, Ended] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    failed: dict[str, AmoError] = field(default_factory=dict)
    guard: AmoError | None = None

    def end(
        self, connection: Connection, name: str, ended: Ended, error: AmoError | None = None
    ) -> None:
        """Note how one stream ended, in the database first."""
        runs.end_stream(connection, self.run, name, ended)
        self._note(name, ended, error)

    def _note(self, name: str, ended: Ended, error: AmoError | None = None) -> None:
        if ended.status == "complete":
            self.complete[name] = ended
        elif ended.status == "skipped":
            self.skipped[name] = ended.message
        elif error:
            self.failed[name] = error

    def recall(self, connection: Connection, course: Course) -> None:
        """What an earlier process of this run has ended needs no request."""
        for name, ended in runs.ended_streams(connection, self.run).items():
            course.note_ended(name)
            self._note(name, ended)


@dataclass(frozen=True, slots=True)
class Lists:
    """The lists of one load. In `incremental` mode only what changed, where that can be asked."""

    connection: Connection
    outcome: Outcome
    mode: str
    has_filter: bool  # the paid one; without it filters are ignored without a word

    def add_to(self, course: Course, streams: Iterable[Stream]) -> None:
        """Plan what an earlier process has not ended."""
        run, outcome = self.outcome.run, self.outcome
        outcome.recall(self.connection, course)
        todo = [stream for stream in streams if stream.name not in outcome.complete]
        todo = [stream for stream in todo if stream.name not in outcome.skipped]
        parents = {stream.parent for stream in todo}
        known = runs.watermarks(self.connection, run)
        course.add(
            Step(
                stream.name,
                frozenset({stream.parent} if stream.parent else ()),
                self._opener(stream, known.get(stream.name)),
                self._closer(stream),
                may_lose_lists=stream.parent is not None,
                # Others have to wait for these, the short lists fill the gaps.
                is_urgent=stream.vanishing is not None or stream.name in parents,
            )
            for stream in todo
        )

    def _opener(self, stream: Stream, watermark: int | None) -> Callable[[], Iterable[Listing]]:
        def open_lists() -> Iterable[Listing]:
            run = self.outcome.run
            if (parent := stream.parent) in self.outcome.failed:
                raise TemporaryError(f"{parent}, which names its lists, failed")
            if parent in self.outcome.skipped:
                return []
            if stream.named_by:
                return listings.named(self.connection, run, stream, watermark)
            if stream.changes == "created":
                if watermark is None:
                    return listings.created(stream, self._begin(), run.as_of, has_begin=False)
                begin = watermark - listings.OVERLAP_SECONDS
                return listings.created(stream, begin, run.as_of, has_begin=True)
            if self.mode == "incremental" and stream.changes and watermark is not None:
                return [listings.changed(stream, watermark, has_filter=self.has_filter)]
            return listings.whole(self.connection, run, stream)

        return open_lists

    def _closer(self, stream: Stream) -> Callable[[Reading], None]:
        def close(reading: Reading) -> None:
            outcome, status, message = self.outcome, reading.status, reading.message
            if stream.parent in outcome.skipped and status == "complete":
                status, message = "skipped", f"{stream.parent}, which names its lists, was skipped"
            if status == "complete" and reading.lost:
                message = f"{reading.lost} of its lists skipped"
            ended = Ended(
                status,
                message,
                reading.seconds,
                # Named entities are never all there are, also when none was named; nor is what
                # is left when lists of it went away.
                is_whole=status == "complete"
                and reading.is_whole
                and not (stream.named_by or reading.lost),
                moves_watermark=status == "complete",
            )
            outcome.end(self.connection, stream.name, ended, reading.error)

        return close

    def _begin(self) -> int:
        """When the account was made, Unix seconds: nothing in it is older."""
        begin = scalar(
            self.connection,
            "SELECT (body ->> 'created_at')::bigint FROM staging.pages"
            " WHERE run_id = %s AND stream = 'account' AND body ->> 'created_at' ~ '^[0-9]{1,12}$'",
            (self.outcome.run.id,),
        )
        return min(int(begin or 0) or self.outcome.run.as_of, self.outcome.run.as_of)
