"""Do what was planned, as far as it goes: a busy table costs some patience and then only itself."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import replace

import psycopg

from loader.db import Connection
from tuning import system, tables
from tuning.change import BUSY, FAILED, PLANNED, Change
from tuning.holder import Holder
from tuning.journal import TABLE

logger = logging.getLogger("amo.tune")

ROUNDS = 3
LOCK_SECONDS = 5.0


def apply(
    connection: Connection, plan: Sequence[Change], holder: Holder, patience_seconds: float = 15.0
) -> list[Change]:
    """The plan, each change with what became of it. patience_seconds: for all locks together.

    No table or setting raises; a lost connection does (psycopg.OperationalError).
    """
    results = list(plan)
    ends = time.monotonic() + patience_seconds
    for _ in range(ROUNDS):
        for index, change in enumerate(results):
            if change.outcome in (PLANNED, BUSY):
                left = max(0.05, min(LOCK_SECONDS, ends - time.monotonic()))
                results[index] = _one(connection, change, holder, left)
        if all(change.outcome != BUSY for change in results) or time.monotonic() > ends:
            break
    return results


def _one(connection: Connection, change: Change, holder: Holder, lock_seconds: float) -> Change:
    do = tables.switch_off if change.kind == TABLE else system.change
    try:
        return do(connection, change, holder, lock_seconds)
    except psycopg.errors.LockNotAvailable as exc:
        return replace(change, outcome=BUSY, detail=str(exc.diag.message_primary))
    except psycopg.Error as exc:
        if connection.closed:
            raise
        return replace(change, outcome=FAILED, detail=str(exc.diag.message_primary or exc))
