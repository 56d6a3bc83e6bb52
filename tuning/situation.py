"""What advice is made from, and what it is: plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

# restart and reload: of the server. session: a reload, or SET in one session alone.
Effect = Literal["restart", "reload", "session", "table"]

SERVER = "server"
LOADER = "loader"


@dataclass(frozen=True, slots=True)
class Measured:
    """What the last runs and the server's statistics say; None: not known."""

    load_json_bytes: int | None = None  # JSON of the last load, as amoCRM sent it
    transform_wal_bytes: int | None = None  # of the last transform
    most_wal_bytes: int | None = None  # the largest of the last 30 transforms
    staging_bytes: int | None = None  # staging.pages on disk
    documents_bytes: int | None = None  # amo.documents on disk
    hit_blocks: int = 0  # found in shared_buffers, this database
    read_blocks: int = 0  # asked of the operating system, this database
    temp_files: int = 0  # all databases
    temp_bytes: int = 0
    stats_days: float | None = None  # these four have been counted at least so long
    checkpoints_timed: int = 0
    checkpoints_requested: int = 0

    @property
    def hit_share(self) -> float | None:
        """0 to 1; None where too little was read to say."""
        blocks = self.hit_blocks + self.read_blocks
        return self.hit_blocks / blocks if blocks >= 10_000 else None


@dataclass(frozen=True, slots=True)
class Table:
    """A final table, as autovacuum sees it."""

    name: str
    rows: float
    options: Mapping[str, str] = field(default_factory=dict)
    is_ours: bool = True  # the role may ALTER it


@dataclass(frozen=True, slots=True)
class Situation:
    """A server. None: not known, and then nothing is advised that depends on it. Bytes."""

    version: int  # 180006
    ram_bytes: int | None = None
    cpus: int | None = None
    disk: Literal["ssd", "hdd"] | None = None
    wal_space_bytes: int | None = None  # what WAL takes now, and what is free beside it
    max_connections: int = 100
    autovacuum_workers: int = 3
    sessions: int = 1  # of the loader, at once
    database_bytes: int | None = None
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # enumvals by setting
    huge_pages_are_used: bool | None = None
    temp_file_limit_bytes: int | None = None  # None: no limit
    measured: Measured = Measured()
    tables: tuple[Table, ...] = ()

    def chooses(self, name: str, value: str) -> bool:
        """Does this build of the server know the value?"""
        return value in self.choices.get(name, ())

    def with_ram(self, ram_bytes: int) -> Situation:
        """The same server with another amount of memory."""
        return replace(self, ram_bytes=ram_bytes)


@dataclass(frozen=True, slots=True)
class Recommendation:
    """One value. What lies from low to high, or in also, is as good and is left alone."""

    name: str
    wanted: str
    effect: Effect
    reason: str
    source: str
    scope: str = SERVER  # server, loader (its own session), or the name of a table
    low: str | None = None
    high: str | None = None
    also: frozenset[str] = frozenset()
    by_hand: bool = False  # to be thought about: never ready to paste


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A value that cannot be advised, and what is missing."""

    name: str
    lacking: str


@dataclass(frozen=True, slots=True)
class RamUpgrade:
    """What more memory would bring, and what it would not."""

    from_bytes: int
    to_bytes: int
    brings: tuple[str, ...]
    brings_not: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Advice:
    """All of it, in the order in which it is shown."""

    recommendations: tuple[Recommendation, ...]
    left_out: tuple[LeftOut, ...]
    remarks: tuple[str, ...]
    ram_upgrade: RamUpgrade | None


Finding = Recommendation | LeftOut | None
