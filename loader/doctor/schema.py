"""Checks of what is ours in the database: migrations, keys that nobody knows, secrets."""

from __future__ import annotations

from typing import LiteralString

from loader import tokens
from loader.db import scalar
from loader.doctor.finding import Finding, Skip, fail, first, ok, warn
from loader.doctor.scene import Scene

_MAY_CREATE: LiteralString = "SELECT has_database_privilege(current_database(), 'CREATE')"


def schema(scene: Scene) -> Finding:
    """The schema is the one of this version

    FAIL: a migration is pending, was edited after it was applied, or is unknown here. A database
    with nothing of ours is OK when the role may create it: the first bin/load does.
    """
    state = scene.state
    if state.is_empty:
        if scalar(scene.db, _MAY_CREATE):
            return ok("nothing of ours yet; the first bin/load creates it")
        role, name = scene.db.info.user, scene.db.info.dbname
        return fail(
            "nothing of ours yet, and this role may not create schemas",
            f"GRANT CREATE ON DATABASE {name} TO {role}",
        )
    if state.unknown:
        return fail(
            "newer than this version; unknown here: " + first(list(state.unknown)),
            "use the version that wrote it, or a newer one",
        )
    if state.edited:
        return fail(
            "edited after it was applied: " + first(list(state.edited)),
            "restore the file from the release; put the change into a new migration",
        )
    if state.pending:
        pending = first([file.stem for file in state.pending])
        return fail(f"older than this version; not applied: {pending}", "bin/migrate up")
    return ok(f"current: {len(state.applied)} migrations")


def drift(scene: Scene) -> Finding:
    """amoCRM sends no keys that nobody here knows

    WARN: there are some in ops.v_drift; their values are in amo.documents and in no column.
    """
    if not scene.has("ops.v_drift"):
        raise Skip("this schema does not count unknown keys")
    count = scalar(scene.db, "SELECT count(*) FROM ops.v_drift")
    if count:
        return warn(
            f"{count} unknown keys; their values are kept in amo.documents only",
            "SELECT * FROM ops.v_drift; look for a newer amo-loader",
        )
    return ok("no unknown keys")


def secrets(scene: Scene) -> Finding:
    """Only its owner can read the tokens in ops.tokens

    WARN: others were granted a look.
    """
    if not scene.has("ops.tokens"):
        raise Skip("there is no ops.tokens")
    if roles := tokens.readers(scene.db):
        names = ", ".join(roles)
        return warn(f"ops.tokens can be read by {names}", f"REVOKE ALL ON ops.tokens FROM {names}")
    return ok("ops.tokens is for its owner alone")
