"""The persistent settings around one run: they end with it, or with whoever comes after its death.

For a job that works on the connection it gives: bin/tune apply is for people.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from loader.db import Connection
from loader.errors import AmoError, TemporaryError
from tuning import holder, plan, revert
from tuning.apply import apply
from tuning.change import APPLIED, BUSY, FAILED, HELD, JOINED, SKIPPED
from tuning.plan import Wanted

logger = logging.getLogger("amo.tune")

# Below it, switching autovacuum off costs more than it gains (facts/tuning.md F13).
PAYS_FROM_ROWS = 1_000_000

HOURS = 24.0


@contextmanager
def tuned(
    connection: Connection, wanted: Wanted, hours: float = HOURS, *, vacuums: bool = True
) -> Iterator[None]:
    """Apply, let the run work, undo, and vacuum. What does not apply costs the run nothing.

    Raises TemporaryError when the run was good and something could not be undone: it stays in
    the journal, and every later command tries again.
    """
    if not holder.is_direct(connection):
        logger.warning("behind a pooler nothing is tuned: connect directly")
        yield
        return
    with holder.run(connection, hours) as own:
        _begin(connection, wanted, own)
        try:
            yield
        except BaseException:
            if not connection.closed:
                _end(connection, own, vacuums=False)
            raise
        if failed := _end(connection, own, vacuums=vacuums):
            raise TemporaryError(
                "settings of this run are still in force",
                detail="\n".join(failed),
                hint="bin/tune revert; the next load or transform tries again as well",
            )


def _begin(connection: Connection, wanted: Wanted, own: holder.Holder) -> None:
    revert.recover(connection)
    try:
        for change in apply(connection, plan.make(connection, wanted), own):
            if change.outcome not in (APPLIED, JOINED, SKIPPED):
                logger.warning("goes on without: %s", revert.describe(change))
    except (psycopg.Error, AmoError) as exc:
        if connection.closed:
            raise
        logger.warning("goes on untuned: %s", exc)


def _end(connection: Connection, own: holder.Holder, *, vacuums: bool) -> list[str]:
    """What could not be undone; the reasons are in the log and in the journal."""
    try:
        results = revert.revert(connection, revert.Leaving(own.key))
        for change in results:
            if change.outcome != HELD:
                logger.info("%s", revert.describe(change))
        if vacuums:
            for line in revert.vacuum(connection, results):
                logger.warning("left to autovacuum: %s", line)
    except psycopg.Error as exc:
        logger.warning("bin/tune revert: %s", exc)
        return [str(exc)]
    return [revert.describe(one) for one in results if one.outcome in (BUSY, FAILED)]
