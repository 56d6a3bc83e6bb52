"""How a load ended: its row in ops.runs, and the error that the command ends with."""

from __future__ import annotations

from loader import runs
from loader.db import Connection
from loader.errors import AmoError, PartialError, TemporaryError
from loader.lists import Outcome
from loader.streams import ACCOUNT


def close(connection: Connection, outcome: Outcome, again: str, *, stopped: bool) -> None:
    """Write the verdict; raises PartialError or TemporaryError when streams failed.

    again: the options that read what is missing; empty: the failed streams by name.
    """
    run = outcome.run
    if stopped:
        runs.finish(connection, run.id, "interrupted", None, "stopped by a signal")
        return
    if not outcome.failed:
        guard = outcome.guard
        if guard:
            runs.finish(connection, run.id, "partial", guard.exit_code, guard.what)
            raise guard
        runs.finish(connection, run.id, "ok", 0, "")
        return
    detail = "\n".join(f"{name}: {exc.what}: {exc.detail}" for name, exc in outcome.failed.items())
    if outcome.guard:
        detail += f"\n{outcome.guard.what}"
    names = ", ".join(outcome.failed)
    others = set(outcome.complete) - {ACCOUNT.name}
    error: AmoError
    if others:
        error = PartialError(
            f"{len(outcome.failed)} of {len(outcome.failed) + len(others)} streams failed: {names}",
            detail=detail,
            hint="the others are complete and committed. To read the missing ones: bin/load "
            + (again or " ".join(f"--stream {name}" for name in outcome.failed)),
        )
    else:
        error = TemporaryError(
            f"no stream could be read: {names}",
            detail=detail,
            hint="what was there before is untouched; run the same command again later",
        )
    status = "partial" if others else "failed"
    runs.finish(connection, run.id, status, error.exit_code, error.what)
    raise error
