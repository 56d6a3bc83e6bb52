"""Running checks: whatever happens in one becomes its finding."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import psycopg
from psycopg import errors

from loader import db
from loader.config import Config
from loader.db import Connection
from loader.doctor.finding import FAIL, SKIP, Finding, Skip, fail
from loader.doctor.scene import Scene
from loader.doctor.table import CHECKS, Check
from loader.errors import AmoError

_OTHER_SCHEMA = (
    errors.UndefinedTable,
    errors.UndefinedColumn,
    errors.UndefinedFunction,
    errors.InvalidSchemaName,
)


def examine(scene: Scene, checks: Iterable[Check] = CHECKS) -> list[Finding]:
    """One finding per check, in their order."""
    try:
        return [_examine_one(scene, check) for check in checks]
    finally:
        scene.close()


def fatal(connection: Connection, config: Config) -> list[Finding]:
    """What would make a night pointless or dangerous: of these checks, those that fail.

    Asks the database only. Empty: the night may begin.
    """
    checks = [check for check in CHECKS if check.error]
    return [found for found in examine(Scene(config, connection), checks) if found.status == FAIL]


def raise_fatal(connection: Connection, config: Config) -> None:
    """Raise the error of the first of these, with all of them in its DETAIL."""
    if not (found := fatal(connection, config)):
        return
    error = next(check.error for check in CHECKS if check.name == found[0].name)
    assert error is not None  # noqa: S101 - fatal() runs only those that have one
    raise error(
        "this night would fail: " + ", ".join(one.name for one in found),
        detail="\n".join(f"{one.name}: {one.detail}" for one in found),
        hint="\n".join(dict.fromkeys(one.hint for one in found)),
    )


def _examine_one(scene: Scene, check: Check) -> Finding:
    try:
        _require(scene, check)
        found = check.look(scene)
    except Skip as exc:
        found = Finding("", SKIP, str(exc))
    except AmoError as exc:
        found = fail(": ".join(filter(None, (exc.what, exc.detail))), exc.hint)
    except psycopg.Error as exc:
        found = _refused(scene, exc)
    except OSError as exc:
        found = fail(str(exc), "")
    return replace(found, name=check.name)


def _require(scene: Scene, check: Check) -> None:
    """Raise Skip when what the check looks at is not there."""
    if check.needs != "schema":
        return  # a connection is missed by whoever uses it
    try:
        is_empty = scene.state.is_empty
    except psycopg.Error as exc:
        if scene.connection is None or scene.connection.closed:
            raise
        raise Skip("the schema cannot be looked at: see schema") from exc
    if is_empty:
        raise Skip("nothing of ours is in the database yet")


def _refused(scene: Scene, exc: psycopg.Error) -> Finding:
    """An error of PostgreSQL is the fault of the check only where nothing else explains it."""
    if scene.connection is not None and scene.connection.closed:
        return fail("the connection to the database was lost", "run the same command again")
    if isinstance(exc, errors.LockNotAvailable):
        return Finding("", SKIP, "another session has it locked; it cannot be told now")
    if isinstance(exc, errors.QueryCanceled):
        return Finding("", SKIP, "it takes too long to tell now")
    if isinstance(exc, _OTHER_SCHEMA) and not _is_current(scene):
        return Finding("", SKIP, "the schema is another one: see schema")
    error = db.explain(exc)
    is_refused = isinstance(exc, errors.InsufficientPrivilege) and scene.is_monitoring
    hint = "grant what a role for monitoring needs: docs/DOCTOR.md" if is_refused else error.hint
    return fail(f"{error.what}: {error.detail}", hint)


def _is_current(scene: Scene) -> bool:
    try:
        return scene.state.is_current
    except psycopg.Error:
        return False
