"""Versions of documents: whether and how long a transform keeps them, and what it would do."""

from __future__ import annotations

import re
from dataclasses import dataclass

from loader.config import Config
from loader.db import Connection
from loader.errors import UsageError

_SWITCH = {"on": True, "true": True, "1": True, "off": False, "false": False, "0": False}

# Of documents that lie in amo.documents already: what waits in staging is told by the plan.
_OUTLOOK = """
    SELECT
        watch.begun_at,
        watch.first_unwatched,
        (
            SELECT count(*) FROM amo.documents AS document
            WHERE document.changed_run > watch.last_run
            AND (watch.last_run > 0 OR document.deleted_at IS NULL)
        ),
        (
            SELECT count(*) FROM amo.document_versions AS version
            WHERE version.valid_to < now() - make_interval(days => %s::integer)
        )
    FROM ops.history_watch AS watch
"""


@dataclass(frozen=True, slots=True)
class History:
    """Versions are kept, and deleted `days` after they ended; None: never."""

    days: int | None


def wanted(config: Config) -> History | None:
    """None when history is off. Raises UsageError for a setting that makes no sense."""
    switch, days = config.settings["history"], config.settings.get("history_days")
    is_on = _SWITCH.get(switch.value.lower())
    if is_on is None:
        raise UsageError(
            "AMO_HISTORY is neither on nor off", detail=f"{switch.value!r} from {switch.origin}"
        )
    # Up to 270 years: a time so long ago still is one to PostgreSQL.
    if days and not re.fullmatch(r"[1-9][0-9]{0,4}", days.value):
        raise UsageError(
            "AMO_HISTORY_DAYS is no number of days",
            detail=f"{days.value!r} from {days.origin}",
            hint="give 1 to 99999; without it every version is kept",
        )
    return History(int(days.value) if days else None) if is_on else None


def outlook(connection: Connection, history: History) -> str:
    """One line for --dry-run."""
    row = connection.execute(_OUTLOOK, (history.days,)).fetchone()
    assert row is not None  # noqa: S101 - the view always has one row
    begun_at, gap, changed, expired = row
    if begun_at is None:
        words = f"history: begins with {changed} documents and what waits in staging"
    elif gap is not None:
        words = (
            f"history: transforms since run {gap} did not keep it;"
            f" {changed} documents that changed since are made up for"
        )
    else:
        words = f"history: kept since {begun_at:%Y-%m-%d %H:%M} UTC"
    if history.days:
        words += f"; {expired} versions ended more than {history.days} days ago"
    return words
