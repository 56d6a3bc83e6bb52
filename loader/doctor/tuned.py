"""The check of settings that bin/tune or a killed run left behind, after undoing what it can."""

from __future__ import annotations

from typing import LiteralString

import psycopg

from loader.doctor.finding import Finding, Skip, fail, first, ok, warn
from loader.doctor.scene import Scene
from tuning import revert
from tuning.change import RESTORED
from tuning.revert import Leaving

_LEFT: LiteralString = """
    SELECT state, format('%%s = %%s of %%s', name, value, object) FROM ops.tuning_watchdog
    WHERE state = ANY (%s) ORDER BY object, name
"""
_PATIENCE_SECONDS = 2.0


def tuning(scene: Scene) -> Finding:
    """No setting is in force that nobody needs any more

    Undoes first what a dead run left. FAIL: it could not be undone, or is past its deadline. WARN:
    autovacuum of a table is off, and not by us.
    """
    if not scene.has("ops.tuning_watchdog"):
        raise Skip("this schema has no journal of tuning")
    undone = _undo(scene)
    found: dict[str, list[str]] = {}
    for state, what in scene.db.execute(_LEFT, (["orphaned", "overdue", "foreign", "held"],)):
        found.setdefault(state, []).append(what)
    words = [f"{state}: {first(found[state])}" for state in sorted(found, reverse=True)]
    if undone:
        words.insert(0, f"undone now: {first(undone)}")
    detail = "; ".join(words)
    if found.keys() & {"orphaned", "overdue"}:
        return fail(detail, "bin/tune revert")
    if "foreign" in found:
        return warn(detail, "ALTER TABLE … RESET (autovacuum_enabled), unless somebody means it so")
    return ok(detail or "nothing is left behind")


def _undo(scene: Scene) -> list[str]:
    """As every load and transform does at its start; not by who may only look."""
    may_write = scene.may("UPDATE", "ops.tuning_journal")
    if scene.is_read_only or not may_write:
        return []
    try:
        changes = revert.revert(scene.db, Leaving(patience_seconds=_PATIENCE_SECONDS))
    except psycopg.Error:
        if scene.db.closed:
            raise
        return []  # what is left is found below
    return [f"{one.name} of {one.object}" for one in changes if one.outcome == RESTORED]
