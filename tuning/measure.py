"""The transform of the same pages under each arm, in turns, and what can be said afterwards.

In turns (A B C, C B A, A B C …), since a machine that is busy is busy for all of them, and one
that becomes less so would favour whoever is always last; a ratio compares
runs of the same round. The baseline runs twice in each: what lies between its two runs is what
chance alone does, and their mean is what the others are compared with.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import mean, median
from typing import LiteralString

from loader import db
from loader.db import Connection
from loader.step import Step
from loader.transform import transform
from tuning import arms as arming
from tuning import restaging
from tuning.arms import Arm

FASTER, SLOWER, NONE = "faster", "slower", "no difference that this run could tell"

# The first also counts what others on the server write.
_COUNTERS: LiteralString = """
    SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn, temp_bytes
    FROM pg_stat_database
    WHERE datname = current_database()
"""


@dataclass(frozen=True, slots=True)
class Taken:
    """What one run took: seconds with its VACUUM, bytes, rows that it inserted."""

    seconds: float
    wal_bytes: int
    temp_bytes: int
    rows: int


@dataclass(frozen=True, slots=True)
class Measured:
    """An arm, its runs in the order of the rounds, and their ratios to the baseline."""

    arm: Arm
    runs: Sequence[Taken]
    ratios: Sequence[float]
    verdict: str

    @property
    def ratio(self) -> float:
        return median(self.ratios)

    def median(self, what: str) -> float:
        return float(median(getattr(run, what) for run in self.runs))


OnRun = Callable[[int, Arm, Taken], None]


def rounds(
    connection: Connection, dsn: str, found: Sequence[Arm], count: int, on_run: OnRun
) -> list[Measured]:
    """connection, dsn: to the scratch database. on_run: told of round, from 1, arm and result.

    A run before them is not counted: the pages come into the cache, the views are made.
    """
    on_run(0, found[0], run(connection, dsn, found[0]))
    taken: dict[str, list[Taken]] = {arm.name: [] for arm in found}
    for number, arm in _turns(found, count):
        taken[arm.name].append(run(connection, dsn, arm))
        on_run(number, arm, taken[arm.name][-1])
    return judge(found, taken)


def run(connection: Connection, dsn: str, arm: Arm) -> Taken:
    """Once, from empty final tables, in a session of its own."""
    restaging.rewind(connection)
    options = f"{db.OPTIONS} {arming.options(arm)}"
    steps: list[Step] = []
    with db.connect(dsn, command="measure", options=options) as session:
        wal, temp = _counters(session)
        started = time.monotonic()
        transform(session, on_step=steps.append, raises_work_mem=False)
        seconds = time.monotonic() - started
        wal_after, temp_after = _counters(session)
    return Taken(seconds, wal_after - wal, temp_after - temp, sum(step.inserted for step in steps))


def judge(found: Sequence[Arm], taken: dict[str, list[Taken]]) -> list[Measured]:
    """Ratios to the mean of both baselines of a round, and verdicts."""
    pairs = [
        (one.seconds, again.seconds)
        for one, again in zip(taken[arming.BASELINE], taken[arming.AGAIN], strict=True)
    ]
    base = [mean(pair) for pair in pairs]
    ratios = {
        arm.name: [run.seconds / one for run, one in zip(taken[arm.name], base, strict=True)]
        for arm in found
    }
    chance = max(abs(one - again) / mean((one, again)) for one, again in pairs)
    return [
        Measured(arm, taken[arm.name], own, _verdict(own, chance))
        for arm in found
        for own in (ratios[arm.name],)
    ]


def _verdict(ratios: Sequence[float], chance: float) -> str:
    """An effect is told when it is larger than its own spread, and than what chance did."""
    effect = median(ratios) - 1
    spread = max(ratios) - min(ratios)
    if len(ratios) < 2 or abs(effect) <= max(spread, chance):
        return NONE
    return FASTER if effect < 0 else SLOWER


def _turns(found: Sequence[Arm], count: int) -> Iterator[tuple[int, Arm]]:
    for number in range(1, count + 1):
        for arm in found if number % 2 else reversed(found):
            yield number, arm


def _counters(session: Connection) -> tuple[int, int]:
    """WAL position and temporary files so far, bytes."""
    # What this session has counted is written when it answers, not when it gets round to it.
    session.execute("SELECT pg_stat_force_next_flush()")
    row = session.execute(_COUNTERS).fetchone()
    assert row is not None  # noqa: S101 - we are connected to it
    return int(row[0]), int(row[1])
