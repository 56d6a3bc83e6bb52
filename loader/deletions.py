"""What vanished: kept documents that a complete load did not bring are asked for by id.

Absence from a list proves nothing, since pages shift while they are read (facts §3.5). Found
by its id, an entity is staged; not found, it is noted in ops.deletions for the transform.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import batched

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
    has_filter: bool  # the paid filter; without it filter[id] is ignored without a word
    max_percent: float

    def stream(self, stream: Stream) -> int:
        """Note what is gone; returns how many. Raises DeleteGuardError, and then notes nothing."""
        missing, known = self._missing(stream)
        self._guard(stream, len(missing), known)
        gone = [entity_id for batch in _batches(missing) for entity_id in self._gone(stream, batch)]
        with self.connection.transaction(), self.connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO ops.deletions (run_id, stream, entity_id) VALUES (%s, %s, %s)"
                " ON CONFLICT DO NOTHING",
                [(self.run.id, stream.name, entity_id) for entity_id in gone],
            )
        if missing:
            logger.info("%s: %s missing, %s gone", stream.name, len(missing), len(gone))
        return len(gone)
