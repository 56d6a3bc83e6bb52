"""What is compared: the baseline, each knob alone, all together; and what cannot be, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from loader.db import Connection
from tuning import advice_memory, units
from tuning.situation import LeftOut, Situation
from tuning.units import MB, Kind

BASELINE, AGAIN, TOGETHER = "baseline", "baseline again", "all of these"

# Somebody else's setting would have to change, for all databases of the server.
NOT_OF_A_SESSION = (
    LeftOut(
        "shared_buffers, wal_buffers, huge_pages, io_method", "the server would have to restart"
    ),
    LeftOut(
        "max_wal_size, checkpoint_timeout, autovacuum",
        "ALTER SYSTEM would change them for all databases of the server",
    ),
)


@dataclass(frozen=True, slots=True)
class Arm:
    """One way to run the transform: options of its session, besides the loader's own."""

    name: str
    settings: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Session:
    """The settings as any session of this role and database gets them."""

    jit: bool
    has_jit: bool  # the server can compile at all
    synchronous_commit: str
    wal_compression: str
    maintenance_work_mem: str
    may_set_wal_compression: bool


def look(connection: Connection) -> Session:
    """connection: one without options of the loader that hide the server's settings."""
    row = connection.execute(
        "SELECT current_setting('jit')::boolean, pg_jit_available(),"
        " current_setting('synchronous_commit'), current_setting('wal_compression'),"
        " current_setting('maintenance_work_mem'),"
        " has_parameter_privilege('wal_compression', 'SET')"
    ).fetchone()
    assert row is not None  # noqa: S101 - a SELECT without FROM gives a row
    return Session(*row)


def arms(session: Session, situation: Situation) -> tuple[list[Arm], list[LeftOut]]:
    """In the order in which they run; situation: with the size of what is measured."""
    ground = {"work_mem": "4MB", "jit": "on" if session.jit else "off"}
    knobs, left_out = _work_mem(situation)
    for setting, value, why_not in (
        ("maintenance_work_mem", *_maintenance(session, situation)),
        ("jit", *_jit(session)),
        ("wal_compression", *_wal_compression(session, situation)),
        ("synchronous_commit", *_synchronous_commit(session)),
    ):
        if why_not:
            left_out.append(LeftOut(f"{setting} {value}", why_not))
        else:
            knobs.append((setting, value))
    together = dict(knobs)  # the later work_mem is the larger one
    alone = [Arm(f"{name} {value}", ground | {name: value}) for name, value in knobs]
    half = (len(alone) + 1) // 2
    # The second baseline stands in the middle, so that no place in a round is an advantage.
    return [
        Arm(BASELINE, ground), *alone[:half], Arm(AGAIN, ground), *alone[half:],
        Arm(TOGETHER, ground | together),
    ], [*left_out, *NOT_OF_A_SESSION]  # fmt: skip


def options(arm: Arm) -> str:
    """For the connection string."""
    return " ".join(f"-c {name}={value}" for name, value in arm.settings.items())


def _work_mem(situation: Situation) -> tuple[list[tuple[str, str]], list[LeftOut]]:
    """64 MB, and what the documents of this load need, where that is more and fits."""
    found = [("work_mem", "64MB")]
    need = advice_memory.loader_work_mem(situation)
    if isinstance(need, LeftOut):
        return found, [LeftOut("work_mem as needed", need.lacking)]
    if need is None or Kind("integer", "kB").number(need.wanted) <= 64 * MB:
        reason = "" if need is None else need.reason
        return found, [LeftOut("work_mem as needed", f"it is no more than 64MB: {reason}")]
    return [*found, ("work_mem", need.wanted)], []


def _maintenance(session: Session, situation: Situation) -> tuple[str, str]:
    value = "256MB"
    if situation.ram_bytes:
        shares = advice_memory.budget(
            situation.ram_bytes, situation.max_connections, situation.autovacuum_workers
        )
        value = units.memory(shares.maintenance_work_mem)
    return value, "the server has it already" * (value == session.maintenance_work_mem)


def _jit(session: Session) -> tuple[str, str]:
    if not session.jit:
        return "off", "it is off already"
    return "off", "" if session.has_jit else "on does nothing: the server was built without LLVM"


def _wal_compression(session: Session, situation: Situation) -> tuple[str, str]:
    value = "lz4" if situation.chooses("wal_compression", "lz4") else "pglz"
    if session.wal_compression != "off":
        return value, f"it is {session.wal_compression} already"
    if not session.may_set_wal_compression:
        return value, "the role may not: GRANT SET ON PARAMETER wal_compression TO it"
    return value, ""


def _synchronous_commit(session: Session) -> tuple[str, str]:
    return "off", "it is off already" * (session.synchronous_commit == "off")
