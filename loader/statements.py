"""SQL statements of this process, counted where they are sent, and how long page commits take.

Counted is each message with SQL in it: execute, each row of executemany, COPY, and the BEGIN,
COMMIT, SAVEPOINT, RELEASE and ROLLBACK that psycopg sends for `connection.transaction()`. A
file of several statements that is sent in one message counts as one. Not counted: what libpq
says when it connects, psycopg's DEALLOCATE ALL after a rollback, and the few statements that
make the database of an embedded server.
"""

from __future__ import annotations

import math
import threading
import time
from array import array
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

import psycopg
from psycopg import Copy, Transaction
from psycopg.abc import Params, Query
from psycopg.copy import Writer
from psycopg.pq import TransactionStatus

Row = tuple[Any, ...]

# A transaction with this in it is the commit of a page.
_PAGE = "COPY staging.pages "


@dataclass(frozen=True, slots=True)
class Work:
    """Statements so far, and page commits from BEGIN to the answer to COMMIT, milliseconds."""

    statements: int
    commits: int
    commit_ms: float
    commit_ms_p50: float | None
    commit_ms_p95: float | None
    commit_ms_max: float | None


class Statements:
    """The counter that all connections of a process share."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._statements = 0
        # 4 bytes a page: 100,000 pages, which are 25 million entities, are 400 kB.
        self._commit_ms = array("f")

    def add(self, count: int) -> None:
        with self._lock:
            self._statements += count

    def add_commit(self, milliseconds: float) -> None:
        with self._lock:
            self._commit_ms.append(milliseconds)

    def so_far(self) -> Work:
        with self._lock:
            statements, ordered = self._statements, sorted(self._commit_ms)
        return Work(
            statements,
            len(ordered),
            sum(ordered),
            _quantile(ordered, 0.5),
            _quantile(ordered, 0.95),
            ordered[-1] if ordered else None,
        )


# One for the process, as getrusage is: whoever connects is counted without asking to be.
SENT = Statements()


class CountedConnection(psycopg.Connection[Row]):
    """A connection that counts what psycopg sends for its transactions."""

    brings_page = False

    @contextmanager
    def transaction(
        self, savepoint_name: str | None = None, force_rollback: bool = False
    ) -> Iterator[Transaction]:
        is_nested = self.info.transaction_status != TransactionStatus.IDLE
        started = time.monotonic()
        SENT.add(1)
        try:
            with super().transaction(savepoint_name, force_rollback) as transaction:
                yield transaction
        except BaseException:
            self.brings_page = False
            # A savepoint is rolled back and then released.
            SENT.add(2 if is_nested else 1)
            raise
        SENT.add(1)
        if self.brings_page:
            self.brings_page = False
            SENT.add_commit(1000 * (time.monotonic() - started))


class CountedCursor(psycopg.Cursor[Row]):
    """A cursor that counts its statements."""

    def execute(
        self, query: Any, params: Params | None = None, *,
        prepare: bool | None = None, binary: bool | None = None,
    ) -> Self:  # fmt: skip
        SENT.add(1)
        return super().execute(query, params, prepare=prepare, binary=binary)

    def executemany(
        self, query: Query, params_seq: Iterable[Params], *, returning: bool = False
    ) -> None:
        super().executemany(query, _counted(params_seq), returning=returning)

    @contextmanager
    def copy(
        self, statement: Query, params: Params | None = None, *, writer: Writer | None = None
    ) -> Iterator[Copy]:
        SENT.add(1)
        with super().copy(statement, params, writer=writer) as copy:
            yield copy
        if isinstance(self.connection, CountedConnection):
            self.connection.brings_page |= str(statement).startswith(_PAGE)


def _counted(rows: Iterable[Params]) -> Iterator[Params]:
    for row in rows:
        SENT.add(1)
        yield row


def _quantile(ordered: list[float], share: float) -> float | None:
    """The smallest value that so large a share of the values does not exceed."""
    return ordered[math.ceil(share * len(ordered)) - 1] if ordered else None
