"""What vanished: kept documents that a complete load did not bring are asked for by id.

Absence from a list proves nothing, since pages shift while they are read (facts §3.5). Found
by its id, an entity is staged; not found, it is noted in ops.deletions for the transform.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from loader.api.client import Answer, Client, Unavailable
from loader.db import Connection
from loader.errors import DeleteGuardError
from loader.runs import Run
from loader.staging import Place, stage
from loader.streams import Stream

logger = logging.getLogger("amo.load")

# No source gives a limit of ids in a filter; 50 keep the address short (facts §1.7).
BATCH = 50


@dataclass(frozen=True, slots=True)
class Sweep:
    """Looks for what vanished from the streams of one run."""

    connection: Connection
    client: Client
    run: Run
    account_id: int
    has_filter: bool  # the paid filter; without it filter[id] is ignored without a word
    max_percent: float

    def sweep(self, stream: Stream) -> int:
        """Note what is gone; returns how many. Raises DeleteGuardError, and then notes nothing."""
        missing, known = self._missing(stream)
        if len(missing) > max(1, known * self.max_percent / 100):
            raise DeleteGuardError(
                f"{len(missing)} of {known} {stream.name} are missing, more than "
                f"{self.max_percent:g} %",
                detail="nothing was marked as deleted; the first ones: " + ", ".join(missing[:5]),
                hint="does the token's user still see everything? If they were really deleted: "
                "bin/load --max-delete-pct N",
            )
        has_filter = self.has_filter or stream.by_id == "free"
        ask = self._ask_together if has_filter else self._ask_singly
        gone = [
            entity_id
            for start in range(0, len(missing), BATCH)
            for entity_id in ask(stream, missing[start : start + BATCH])
        ]
        with self.connection.transaction(), self.connection.cursor() as cursor:
            # A process that was killed may have noted what is back by now.
            cursor.execute(
                "DELETE FROM ops.deletions WHERE run_id = %s AND stream = %s",
                (self.run.id, stream.name),
            )
            cursor.executemany(
                "INSERT INTO ops.deletions (run_id, stream, entity_id) VALUES (%s, %s, %s)",
                [(self.run.id, stream.name, entity_id) for entity_id in gone],
            )
        if missing:
            logger.info("%s: %s missing, %s of them gone", stream.name, len(missing), len(gone))
        return len(gone)

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
            {
                "id_key": stream.id_key,
                "numeric": stream.has_numeric_id,
                "key": stream.key,
                "run_id": self.run.id,
                "stream": stream.name,
                "account_id": self.account_id,
            },
        ).fetchall()
        return sorted(entity_id for entity_id, is_missing in rows if is_missing), len(rows)

    def _ask_together(self, stream: Stream, ids: Sequence[str]) -> list[str]:
        """Up to 50 in one filter; what comes back is staged. Returns the ids that did not."""
        wanted = {f"filter[id][{n}]": entity_id for n, entity_id in enumerate(ids)}
        query = dict(stream.parameters) | wanted | {"limit": "250"}
        answer = self._get_twice(stream.path, query)
        # The ids are part of the place: a continued run may ask for others.
        params = dict(stream.parameters) | {"ids": ",".join(ids)}
        place = Place.of(self.run.id, stream.name, params, 1)
        stage(self.connection, place, stream, answer)
        found = self._ids_of(stream, place)
        if not found <= set(ids):
            # The filter was ignored: this is a page of anything.
            return self._ask_singly(stream, ids)
        return [entity_id for entity_id in ids if entity_id not in found]

    def _ids_of(self, stream: Stream, place: Place) -> set[str]:
        rows = self.connection.execute(
            "SELECT staging.document_id(item, %s, %s) FROM staging.pages CROSS JOIN LATERAL"
            " jsonb_array_elements(staging.page_items(body, %s)) AS item"
            " WHERE run_id = %s AND stream = %s AND params = %s::jsonb AND page_no = %s",
            (
                stream.id_key,
                stream.has_numeric_id,
                stream.key,
                place.run_id,
                place.stream,
                place.params,
                place.page_no,
            ),
        )
        return {entity_id for (entity_id,) in rows}

    def _ask_singly(self, stream: Stream, ids: Sequence[str]) -> list[str]:
        """One request each; one that is there comes with the next load's list."""
        return [entity_id for entity_id in ids if not self._is_there(stream, entity_id)]

    def _is_there(self, stream: Stream, entity_id: str) -> bool:
        try:
            return self._get_twice(f"{stream.path}/{entity_id}", {}).body is not None
        except Unavailable as exc:
            if exc.status == 404:
                return False
            raise

    def _get_twice(self, path: str, query: Mapping[str, str]) -> Answer:
        """An early 204 was seen (facts §1.4): nothing is believed gone after one."""
        answer = self.client.get(path, query)
        return self.client.get(path, query).after(answer) if answer.body is None else answer
