"""The steps of a load of chosen companies: first they, then what is linked to them.

The ids of what is linked come along with the companies and are noted in ops.selected by the
transaction that stages a page, so that a load that is continued asks for the same.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from loader import chosen, listings
from loader.chosen import COMPANIES, LINKED
from loader.db import Connection
from loader.errors import TemporaryError
from loader.lists import Outcome
from loader.paging import Listing
from loader.reading import Course, Reading, Step
from loader.runs import Ended
from loader.selection import Field, Selection
from loader.streams import ACCOUNT, BY_NAME, FOUR, STREAMS, Stream

logger = logging.getLogger("amo.load")

TASKS = BY_NAME["tasks"]
NOTES = tuple(stream for stream in STREAMS if stream.entity == "notes")

# A query with 200 ids has less than 8 KB, which is what servers take for a line (facts §1.7).
NOTES_BATCH = 200

Opener = Callable[[], list[Listing]]


def streams() -> list[Stream]:
    """What such a load reads, in the order of the table."""
    read = {ACCOUNT, COMPANIES, TASKS, *NOTES, *(BY_NAME[name] for name in LINKED)}
    return [stream for stream in STREAMS if stream in read]


@dataclass(frozen=True, slots=True)
class Companies:
    """What one load with --companies asks for."""

    connection: Connection
    outcome: Outcome
    selection: Selection
    has_filter: bool  # the paid one; without it filters are ignored without a word
    _listed: set[str] = field(default_factory=set)  # streams that were read as whole lists

    def add_to(self, course: Course) -> None:
        """Plan what an earlier process has not ended; all but the companies waits for them."""
        self.outcome.recall(self.connection, course)
        self._add(course, COMPANIES.name, self._companies, self._companies_listed)
        for name in LINKED:
            self._add(course, name, self._linked(name), self._linked_listed(name))
        self._add(course, TASKS.name, self._tasks)
        for stream in NOTES:
            self._add(course, stream.name, self._notes(stream))

    def _add(self, course: Course, name: str, opener: Opener, lister: Opener | None = None) -> None:
        """A stream in up to two steps: a whole list, then by id what did not come with it."""
        if name in self.outcome.complete or name in self.outcome.skipped:
            return
        after = frozenset[str]()
        if name != COMPANIES.name:
            after |= {COMPANIES.name}
            opener, lister = self._unless_failed(opener), lister and self._unless_failed(lister)
        if lister:
            listed = f"list of {name}"
            course.add([Step(listed, after, lister)])
            after |= {listed}
        course.add([Step(name, after, opener, self._closer(name))])

    def _companies(self) -> list[Listing]:
        selection = self.selection
        if selection.ids is None:
            asked = selection.query(self._filterable()) if self.has_filter else {}
            return [chosen.matching(selection, asked, self._pages(COMPANIES))]
        stream, follow = chosen.with_links()
        rest: Sequence[str] = selection.ids
        if COMPANIES.name in self._listed:
            rest = self._missing()
        return listings.by_ids(
            stream, rest, has_filter=self.has_filter, also=selection.keep, follow=follow
        )

    def _companies_listed(self) -> list[Listing]:
        ids, (stream, follow) = self.selection.ids or (), chosen.with_links()
        if not self._is_list_shorter(COMPANIES, ids):
            return []
        pages = self._pages(COMPANIES)
        return [chosen.pruned(stream, ids, pages, self.selection.keep, follow)]

    def _linked(self, name: str) -> Opener:
        def open_lists() -> list[Listing]:
            ids = self._ids(name, but_staged=name in self._listed)
            return listings.by_ids(BY_NAME[name], ids, has_filter=self.has_filter)

        return open_lists

    def _linked_listed(self, name: str) -> Opener:
        def open_lists() -> list[Listing]:
            stream, ids = BY_NAME[name], self._ids(name)
            if not self._is_list_shorter(stream, ids):
                return []
            return [chosen.pruned(stream, ids, self._pages(stream))]

        return open_lists

    def _tasks(self) -> list[Listing]:
        return [
            chosen.of_owners(TASKS, some, entity)
            for entity in FOUR
            for some in listings.batches(self._ids(entity), listings.BATCH)
        ]

    def _notes(self, stream: Stream) -> Opener:
        def open_lists() -> list[Listing]:
            owners = self._ids(stream.entity_type or "")
            return [
                chosen.of_owners(stream, some) for some in listings.batches(owners, NOTES_BATCH)
            ]

        return open_lists

    def _unless_failed(self, opener: Opener) -> Opener:
        def open_lists() -> list[Listing]:
            if COMPANIES.name in self.outcome.failed:
                raise TemporaryError("companies, which name what is linked to them, failed")
            return [] if COMPANIES.name in self.outcome.skipped else opener()

        return open_lists

    def _closer(self, name: str) -> Callable[[Reading], None]:
        def close(reading: Reading) -> None:
            status, message = reading.status, reading.message
            if COMPANIES.name in self.outcome.skipped and status == "complete":
                status, message = "skipped", "companies, which name what is linked, was skipped"
            # Neither whole nor up to a moment: watermarks and deletions are left alone.
            ended = Ended(status, message, reading.seconds)
            if name == COMPANIES.name and status == "complete":
                self._tell()
            self.outcome.end(self.connection, name, ended, reading.error)

        return close

    def _tell(self) -> None:
        """What was chosen, and what does not exist."""
        found = ", ".join(f"{len(self._ids(entity))} {entity}" for entity in FOUR)
        logger.info("chosen: %s", found)
        if missing := self._missing():
            logger.warning("no such companies: %s", ", ".join(missing))

    def _is_list_shorter(self, stream: Stream, ids: Sequence[str]) -> bool:
        """Without the paid filter each id is a request: is the whole list known to be fewer?"""
        is_shorter = not self.has_filter and 0 < self._pages(stream) < len(ids)
        if is_shorter:
            self._listed.add(stream.name)
        return is_shorter

    def _pages(self, stream: Stream) -> int:
        (full,) = listings.whole(self.connection, self.outcome.run, stream)
        return full.expected

    def _filterable(self) -> set[Field]:
        fields = self.selection.fields
        rows = self.connection.execute(
            "SELECT field_id, value FROM ops.filterable_fields(%s, %s::bigint[], %s::text[])",
            (
                self.outcome.run.account_id,
                [field_id for field_id, _ in fields],
                [value for _, value in fields],
            ),
        )
        return {(field_id, value) for field_id, value in rows}

    def _missing(self) -> list[str]:
        """Companies that were asked for by id and have not come, ascending."""
        rows = self.connection.execute(
            "SELECT unnest(%s::bigint[]) AS id EXCEPT SELECT entity_id FROM ops.selected"
            " WHERE run_id = %s AND stream = %s ORDER BY id",
            (list(self.selection.ids or ()), self.outcome.run.id, COMPANIES.name),
        )
        return [str(entity_id) for (entity_id,) in rows]

    def _ids(self, entity: str, *, but_staged: bool = False) -> list[str]:
        """What was chosen of one of the four, ascending."""
        rows = self.connection.execute(
            "SELECT entity_id FROM ops.selected"
            " WHERE run_id = %(run_id)s AND stream = %(stream)s AND is_wanted"
            " EXCEPT SELECT staging.document_id(item, 'id', TRUE)::bigint FROM staging.pages"
            " CROSS JOIN LATERAL jsonb_array_elements(staging.page_items(body, stream)) AS item"
            " WHERE %(but_staged)s AND run_id = %(run_id)s AND stream = %(stream)s"
            " ORDER BY entity_id",
            {"run_id": self.outcome.run.id, "stream": entity, "but_staged": but_staged},
        )
        return [str(entity_id) for (entity_id,) in rows]
