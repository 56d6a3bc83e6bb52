"""The work of a transform in one transaction, or in slices of so many documents.

One transaction is the default: readers see the old state or the new one. Slices keep
transactions short, for who replicates or vacuums beside a large first load: each of them brings
the rows of its documents, and what a kill leaves is carried on by the next transform. The
documents themselves are one transaction before them, derived tables and views one after them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import LiteralString

from loader import vacuum
from loader.db import Connection, scalar
from loader.vacuum import Written
from tuning import guard

WHOLE = "everything was rolled back, amo.* and mart.* are as before"
SLICED = (
    "the slices before this one are committed, this one was rolled back;"
    " bin/transform carries on with it"
)

# In the order of the keys, which is about the order in which the documents lie.
_DIVIDE: LiteralString = """
    INSERT INTO staging.slices (slice, account_id, stream, id, entity_id, is_new)
    SELECT
        (row_number() OVER (ORDER BY account_id, stream, id) - 1) / %s,
        account_id, stream, id, entity_id, is_new
    FROM staging.changes
"""
# In kB, the unit of pg_settings.
_WORK_MEM: LiteralString = (
    "SELECT set_config('work_mem', '64MB', TRUE) FROM pg_settings"
    " WHERE name = 'work_mem' AND setting::integer < 65536"
)
_TAKE: LiteralString = """
    INSERT INTO staging.changes (account_id, stream, id, entity_id, is_new)
    SELECT account_id, stream, id, entity_id, is_new FROM staging.slices WHERE slice = %s
"""
# What is done for all of them at once wants to know what changed.
_PUT_BACK: LiteralString = """
    INSERT INTO staging.changes (account_id, stream, id, entity_id, is_new)
    SELECT account_id, stream, id, entity_id, is_new FROM staging.slices
"""


@dataclass(slots=True)
class Slices:
    """chunk_rows: documents a slice, None for all in one transaction. Counts as it goes."""

    connection: Connection
    chunk_rows: int | None
    raises_work_mem: bool = True
    longest_seconds: float = 0.0
    seconds: list[float] = field(default_factory=list)
    written: Written = field(default_factory=Written)

    @property
    def safe(self) -> str:
        """What a failure leaves behind."""
        return WHOLE if self.chunk_rows is None else SLICED

    def whole(self) -> AbstractContextManager[object]:
        """Around everything: a transaction, unless each part is one.

        Between parts autovacuum would set to work on what the next one changes again.
        """
        if self.chunk_rows is None:
            return self._transaction()
        return guard.autovacuum_away(self.connection)

    def part(self) -> AbstractContextManager[object]:
        """Around what belongs together."""
        return nullcontext() if self.chunk_rows is None else self._transaction()

    def carry_on(self, work: Callable[[], None]) -> None:
        """Do the work for all that is on the list, slice by slice; once where there is nothing."""
        if self.chunk_rows is None:
            self._measured(work)
            return
        with self.part():
            self.connection.execute("TRUNCATE staging.slices")
            self.connection.execute(_DIVIDE, (self.chunk_rows,))
            self.connection.execute("ANALYZE staging.slices")
            last = scalar(self.connection, "SELECT coalesce(max(slice), 0) FROM staging.slices")
        for number in range(last + 1):
            with self.part():
                self.connection.execute("TRUNCATE staging.changes")
                self.connection.execute(_TAKE, (number,))
                self.connection.execute("ANALYZE staging.changes")
                self._measured(work)
        with self.part():
            self.connection.execute("TRUNCATE staging.changes")
            self.connection.execute(_PUT_BACK)

    def _measured(self, work: Callable[[], None]) -> None:
        started = time.monotonic()
        work()
        self.seconds.append(time.monotonic() - started)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        started = time.monotonic()
        with self.connection.transaction():
            # At least; ALTER ROLE … SET work_mem may say more, as bin/tune advise does.
            if self.raises_work_mem:
                self.connection.execute(_WORK_MEM)
            # The server may still count what the transaction before this one has written.
            before = vacuum.written(self.connection)
            yield
            self.written += vacuum.written(self.connection) - before
        self.longest_seconds = max(self.longest_seconds, time.monotonic() - started)
