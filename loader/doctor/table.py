"""The checks, in the order in which they are shown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from loader.doctor import (
    crm,
    disk,
    privileges,
    runs,
    schema,
    server,
    staged,
    token,
    tuned,
)
from loader.doctor.finding import Finding
from loader.doctor.scene import Scene
from loader.errors import AmoError, SchemaError, SqlError, TemporaryError, UsageError

# What must be there: nothing, a connection, or one to a database with our schema in it.
Needs = Literal["nothing", "database", "schema"]


@dataclass(frozen=True, slots=True)
class Check:
    """One check; the first line of its function's docstring is its title.

    error: what a night that is not worth starting ends with when it fails; None: it may start.
    """

    name: str
    look: Callable[[Scene], Finding]
    needs: Needs = "database"
    error: type[AmoError] | None = None

    @property
    def title(self) -> str:
        return (self.look.__doc__ or "").partition("\n")[0]


CHECKS = (
    Check("connection", server.connection, "nothing"),
    Check("server_version", server.server_version),
    Check("writable", server.writable, error=SqlError),
    Check("pooler", server.pooler, error=UsageError),
    Check("encoding", server.encoding),
    Check("durability", server.durability),
    Check("autovacuum", server.autovacuum),
    Check("io_timing", server.io_timing),
    Check("schema", schema.schema, error=SchemaError),
    Check("privileges", privileges.privileges, "schema", SqlError),
    Check("secrets", schema.secrets, "schema"),
    Check("disk", disk.disk, "schema", TemporaryError),
    Check("wraparound", server.wraparound, "schema"),
    Check("tuning", tuned.tuning, "schema"),
    Check("stale_runs", runs.stale_runs, "schema"),
    Check("backends", runs.backends, "schema"),
    Check("staging", staged.staging, "schema"),
    Check("waiting", runs.waiting, "schema"),
    Check("last_runs", runs.last_runs, "schema"),
    Check("last_success", runs.last_success),
    Check("rejects", staged.rejects, "schema"),
    Check("drift", schema.drift, "schema"),
    Check("token", token.token, "nothing"),
    Check("api", crm.api, "nothing"),
    Check("clock", crm.clock, "nothing"),
    Check("user", crm.user, "nothing"),
    Check("paid_filter", crm.paid_filter, "nothing"),
)


def choose(names: Sequence[str], skipped: Iterable[str]) -> list[Check]:
    """The checks of these names, or all, less the skipped. Raises UsageError for an unknown one."""
    known = {check.name for check in CHECKS}
    if unknown := sorted({*names, *skipped} - known):
        raise UsageError(
            "there is no such check",
            detail=", ".join(unknown),
            hint="bin/doctor --list",
        )
    wanted = set(names) or known
    return [check for check in CHECKS if check.name in wanted - set(skipped)]
