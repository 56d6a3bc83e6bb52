"""What vanished: candidates are asked for by id, and believed gone only when that finds nothing.

After a whole list they are the kept documents that it did not bring; absence from a list proves
nothing, since pages shift while they are read (facts §3.5). After a list of changes they are
what events and the trash name. Found, an entity is staged; not found, it is noted in
ops.deletions for the transform.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

from loader import listings, recheck
from loader.db import Connection
from loader.errors import DeleteGuardError
from loader.lists import Outcome
from loader.paging import Listing, Since
from loader.pruning import Keep
from loader.reading import Course, Reading, Step
from loader.streams import BY_NAME, Stream

logger = logging.getLogger("amo.load")


@dataclass(slots=True)
class Sweep:
    """Looks for what vanished from the streams of one run."""

    connection: Connection
    outcome: Outcome
    has_filter: bool  # the paid filter; without it filter[id] is ignored without a word
    max_percent: float
    _asked: dict[str, list[str]] = field(default_factory=dict)

    def add_to(self, course: Course, streams: Sequence[Stream], watermarks: dict[str, int]) -> None:
        """Plan the look into the trash, where a watermark is given, and the questions by id."""
        for stream in streams:
            if not stream.by_id:
                continue
            after = {stream.name, recheck.LAST}
            if stream.vanishing and stream.vanishing.has_trash and stream.name in watermarks:
                trash = _trash(stream, watermarks[stream.name])
                after.add(trash.stream.name)
                course.add([Step(trash.stream.name, frozenset(), partial(list, [trash]))])
            course.add([
                Step(f"missing {stream.name}", frozenset(after), self._opener(stream),
                     self._closer(stream))
            ])  # fmt: skip

    def _opener(self, stream: Stream) -> Callable[[], list[Listing]]:
        def open_questions() -> list[Listing]:
            ended = self.outcome.complete.get(stream.name)
            if ended is None:
                return []
            missing, known = self._missing(stream) if ended.is_whole else self._named(stream)
            if len(missing) > max(1, known * self.max_percent / 100):
                guard = _guard(stream, missing, known, self.max_percent)
                self.outcome.guard = self.outcome.guard or guard
                logger.warning("%s", guard.what)
                return []
            self._asked[stream.name] = missing
            return listings.by_ids(stream, missing, has_filter=self.has_filter)

        return open_questions

    def _closer(self, stream: Stream) -> Callable[[Reading], None]:
        def conclude(reading: Reading) -> None:
            if reading.status != "complete":
                # The data is complete; what vanished is looked for in the next load.
                logger.warning("%s: nothing marked as deleted: %s", stream.name, reading.message)
            elif (asked := self._asked.get(stream.name)) is not None:
                self._note(stream, asked)

        return conclude

    def _missing(self, stream: Stream) -> tuple[list[str], int]:
        """Ids that are kept but were not brought, and how many are kept."""
        rows = self.connection.execute(
            "SELECT document.id, came.id IS NULL FROM amo.documents AS document LEFT JOIN ("
            " SELECT DISTINCT staging.document_id(item, %(id_key)s, %(numeric)s) AS id"
            " FROM staging.pages CROSS JOIN LATERAL"
            " jsonb_array_elements(staging.page_items(body, %(key)s)) AS item"
            " WHERE run_id = %(run_id)s AND stream = %(stream)s) AS came"
            " ON document.id = came.id WHERE document.account_id = %(account_id)s"
            " AND document.stream = %(stream)s AND document.deleted_at IS NULL",
            self._names(stream),
        ).fetchall()
        return sorted(entity_id for entity_id, is_missing in rows if is_missing), len(rows)

    def _named(self, stream: Stream) -> tuple[list[str], int]:
        """Ids of documents that an event or the trash names, or that were not found under the
        name that others give them, and how many are kept."""
        rows = self.connection.execute(
            "SELECT document.id FROM amo.documents AS document WHERE"
            " document.account_id = %(account_id)s AND document.stream = %(stream)s"
            " AND document.id IN (SELECT entity_id FROM staging.vanishing(%(run_id)s)"
            " WHERE stream = %(stream)s UNION ALL SELECT item ->> 'id' FROM staging.pages"
            " CROSS JOIN LATERAL jsonb_array_elements(staging.page_items(body, %(key)s)) AS item"
            " WHERE run_id = %(run_id)s AND stream = %(trash)s UNION ALL"
            " SELECT params ->> 'named' FROM ops.pages WHERE run_id = %(run_id)s"
            " AND stream = %(stream)s AND status = 'empty') ORDER BY id",
            self._names(stream) | {"trash": f"{stream.name}_trash"},
        ).fetchall()
        known = self.connection.execute(
            "SELECT count(*) FROM amo.documents WHERE account_id = %(account_id)s"
            " AND stream = %(stream)s AND deleted_at IS NULL",
            self._names(stream),
        ).fetchone()
        return [entity_id for (entity_id,) in rows], known[0] if known else 0

    def _note(self, stream: Stream, asked: list[str]) -> None:
        """What was asked for by id and is in none of the answers is gone."""
        with self.connection.transaction():
            # A process that was killed may have noted what is back by now.
            self.connection.execute(
                "DELETE FROM ops.deletions WHERE run_id = %(run_id)s AND stream = %(stream)s",
                self._names(stream),
            )
            gone = self.connection.execute(
                "INSERT INTO ops.deletions (run_id, stream, entity_id)"
                " SELECT %(run_id)s, %(stream)s, asked.id"
                " FROM unnest(%(asked)s::text[]) AS asked (id)"
                " WHERE NOT EXISTS (SELECT FROM staging.pages CROSS JOIN LATERAL"
                " jsonb_array_elements(staging.page_items(body, %(key)s)) AS item"
                " WHERE run_id = %(run_id)s AND stream = %(stream)s AND params ? 'ids'"
                " AND staging.document_id(item, %(id_key)s, %(numeric)s) = asked.id)",
                self._names(stream) | {"asked": asked},
            ).rowcount
        if asked:
            logger.info("%s: %s asked for by id, %s gone", stream.name, len(asked), gone)

    def _names(self, stream: Stream) -> dict[str, object]:
        return {
            "id_key": stream.id_key,
            "numeric": stream.has_numeric_id,
            "key": stream.key,
            "run_id": self.outcome.run.id,
            "stream": stream.name,
            "account_id": self.outcome.run.account_id,
        }


def _guard(
    stream: Stream, missing: Sequence[str], known: int, max_percent: float
) -> DeleteGuardError:
    return DeleteGuardError(
        f"{len(missing)} of {known} {stream.name} are missing, more than {max_percent:g} %",
        detail="nothing was marked as deleted; the first ones: " + ", ".join(missing[:5]),
        hint="does the token's user still see everything? If they were really deleted: "
        "bin/load --max-delete-pct N",
    )


def _trash(stream: Stream, watermark: int) -> Listing:
    """What was thrown away since, newest first; stubs only, whatever else comes."""
    trash = BY_NAME[f"{stream.name}_trash"]
    moment = watermark - listings.OVERLAP_SECONDS
    return Listing(
        trash,
        trash.path,
        dict(trash.parameters),
        trash.page_limit,
        {"since": str(moment)},
        since=Since(moment, by_order=True),
        keep=Keep("$ ? (@.is_deleted == true)", {}),
        fallback=(),
    )
