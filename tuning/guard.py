"""Keeps autovacuum off the final tables while a transform commits in slices.

A second connection holds SHARE UPDATE EXCLUSIVE on them in one open transaction, as pg_repack
does. Readers and writers pass. It has no snapshot and so holds back no vacuum of other tables,
and it vanishes with the process: there is nothing to revert.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql

from loader import db
from loader.db import Connection
from loader.errors import AmoError
from tuning.plan import NEAR_WRAPAROUND

logger = logging.getLogger("amo.tune")

# The vacuum against wraparound waits for it instead of passing by: so the server ends it.
LONGEST = "12h"


@contextmanager
def autovacuum_away(connection: Connection, patience_seconds: float = 10.0) -> Iterator[list[str]]:
    """Yields the tables that are guarded; without a right or a lock the work goes on unguarded.

    patience_seconds: for all locks together, at most 2 for one; a running autovacuum gives way
    after one.
    """
    guard = None
    try:
        guard = db.beside(connection, command="guard")
        guarded = _take(guard, patience_seconds)
    except (psycopg.Error, AmoError) as exc:
        logger.warning("autovacuum is not kept away: %s", exc)
        guarded = []
    try:
        yield guarded
    finally:
        if guard is not None:
            guard.close()


def _take(guard: Connection, patience_seconds: float) -> list[str]:
    rows = guard.execute(
        "SELECT name, wraparound FROM ops.tuning_targets WHERE wraparound IS NOT NULL ORDER BY name"
    ).fetchall()
    guard.execute(f"SET idle_in_transaction_session_timeout = '{LONGEST}'".encode())
    guard.execute("BEGIN")
    guarded = []
    ends = time.monotonic() + patience_seconds
    for name, wraparound in rows:
        if wraparound > NEAR_WRAPAROUND:
            logger.warning("autovacuum is let into amo.%s, which is close to wraparound", name)
            continue
        timeout_ms = 1000 * max(0.05, min(2.0, ends - time.monotonic()))
        try:
            with guard.transaction():
                guard.execute(f"SET LOCAL lock_timeout = {round(timeout_ms)}".encode())
                guard.execute(
                    sql.SQL("LOCK TABLE {} IN SHARE UPDATE EXCLUSIVE MODE").format(
                        sql.Identifier("amo", name)
                    )
                )
            guarded.append(str(name))
        except psycopg.errors.InsufficientPrivilege as exc:
            logger.warning("autovacuum is not kept away: %s", exc.diag.message_primary)
            break
        except (psycopg.errors.LockNotAvailable, psycopg.errors.UndefinedTable) as exc:
            logger.warning("autovacuum is not kept from amo.%s: %s", name, exc.diag.message_primary)
    return guarded
