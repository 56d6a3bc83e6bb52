"""What a night leaves: staging is emptied, ledger and metrics are kept for so many days."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass

import psycopg

from loader import epochs
from loader.config import Config
from loader.db import Connection, scalar
from loader.errors import UsageError

logger = logging.getLogger("amo.refresh")


@dataclass(frozen=True, slots=True)
class Keep:
    """pages_days: the ledger ops.pages; runs_days: ops.runs and all that belongs to them.

    staging: pages that were transformed stay until the next load.
    """

    pages_days: int
    runs_days: int
    staging: bool = False


def wanted(config: Config, *, staging: bool = False) -> Keep:
    """Raises UsageError for a setting that is no number of days."""
    return Keep(_days(config, "keep_pages_days"), _days(config, "keep_runs_days"), staging)


def run(connection: Connection, keep: Keep) -> None:
    """Delete what is older. A table that is busy is left to the next night."""
    try:
        with connection.transaction():
            if not keep.staging:
                epochs.drop_spent_pages(connection)
            pages = scalar(
                connection, "SELECT ops.forget_pages(make_interval(days => %s))", (keep.pages_days,)
            )
            runs = scalar(
                connection, "SELECT ops.forget_runs(make_interval(days => %s))", (keep.runs_days,)
            )
    except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected) as exc:
        logger.info("retention is left to the next night: %s", exc.diag.message_primary)
        return
    logger.info("forgotten: %s pages of the ledger, %s runs", pages, runs)


def _days(config: Config, name: str) -> int:
    setting = config.settings[name]
    if not re.fullmatch(r"[1-9][0-9]{0,4}", setting.value):
        raise UsageError(
            f"AMO_{name.upper()} is no number of days",
            detail=f"{setting.value!r} from {setting.origin}",
            hint="give 1 to 99999",
        )
    return int(setting.value)
