"""Memory: shared_buffers, what a statement may take, and that all of it fits.

Sizes are those of a server of PostgreSQL's own. The sum that must fit is postgresqltuner's:
shared_buffers + 1.5 x max_connections x work_mem + the workers' maintenance_work_mem.
"""

from __future__ import annotations

from dataclasses import dataclass

from tuning.situation import LOADER, Finding, LeftOut, Recommendation, Situation
from tuning.units import GB, KB, MB, counted, memory, round_down, rounded

NEEDS_RAM = "the RAM of the server: --ram"

_WORK_MEM_DEFAULT = 4 * MB
# No tool goes higher for all sessions on 32 GB (pgtune 38, timescaledb-tune 32, pgconfig 82).
_WORK_MEM_MOST = 64 * MB
_LOADER_LEAST, _LOADER_MOST = 64 * MB, GB
# The join that carries the documents spilled 79 MB for 71 MB of JSON with 64 MB, and nothing
# with 80 MB (measured on 18, 66,000 entities; the time was the same, all in the page cache).
_NEED_PER_JSON = 1.2


@dataclass(frozen=True, slots=True)
class Budget:
    """How the RAM is divided; bytes."""

    ram: int
    shared_buffers: int
    maintenance_work_mem: int
    work_mem: int
    max_connections: int
    workers: int  # of autovacuum, and one maintenance command besides

    @property
    def total(self) -> float:
        """The most that can be in use at once, by the rule above."""
        return (
            self.shared_buffers
            + 1.5 * self.max_connections * self.work_mem
            + self.workers * self.maintenance_work_mem
        )


def budget(ram: int, max_connections: int, autovacuum_workers: int) -> Budget:
    """Divide the RAM: a quarter to shared_buffers, at most a quarter to maintenance.

    Half of what is left goes to sessions, the other half to the cache of the operating system.
    Where not even 4 MB a session fit, max_connections is what fits.
    """
    workers = autovacuum_workers + 1
    buffers = round_down(ram / 4, 64 * MB if ram >= 4 * GB else 16 * MB)
    maintenance = round_down(min(ram / 16, ram / 4 / workers, GB), MB)
    left = ram - ram / 4 - min(ram / 16 * workers, ram / 4, GB * workers)
    work_mem = min(round_down(left / (3 * max_connections), MB), _WORK_MEM_MOST)
    work_mem = max(work_mem, _WORK_MEM_DEFAULT)
    fits = int(left // (1.5 * work_mem))
    return Budget(ram, buffers, maintenance, work_mem, min(max_connections, fits), workers)


def advise(situation: Situation) -> list[Finding]:
    """Everything about memory."""
    if situation.ram_bytes is None:
        names = (
            "shared_buffers", "effective_cache_size", "work_mem", "maintenance_work_mem",
            "huge_pages",
        )  # fmt: skip
        return [*(LeftOut(name, NEEDS_RAM) for name in names), loader_work_mem(situation)]
    shares = budget(situation.ram_bytes, situation.max_connections, situation.autovacuum_workers)
    return [
        _shared_buffers(shares),
        _effective_cache_size(shares.ram),
        _work_mem(shares, situation),
        loader_work_mem(situation),
        _maintenance_work_mem(shares),
        _autovacuum_work_mem(shares),
        _huge_pages(shares),
        _max_connections(shares, situation.max_connections),
    ]


def remarks(situation: Situation) -> list[str]:
    """What a DBA should know and no value mends."""
    if situation.ram_bytes is None or situation.huge_pages_are_used:
        return []
    shares = budget(situation.ram_bytes, situation.max_connections, situation.autovacuum_workers)
    if shares.shared_buffers < 2 * GB:
        return []
    return [
        "Huge pages: PostgreSQL takes them when the kernel has enough. After the restart SHOW "
        "shared_memory_size_in_huge_pages says how many, for vm.nr_hugepages; then restart again."
    ]


def loader_work_mem(situation: Situation) -> Finding:
    """work_mem of the loader's own session: enough for its largest join, or 64 MB."""
    json_bytes = situation.measured.load_json_bytes
    if json_bytes is None:
        return LeftOut("work_mem of the loader", "the size of a load: run bin/load once")
    if situation.ram_bytes is None:
        return LeftOut("work_mem of the loader", NEEDS_RAM)
    need = int(_NEED_PER_JSON * json_bytes)
    most = min(_LOADER_MOST, situation.ram_bytes // (8 * situation.sessions))
    fits = need <= most
    wanted = min(_LOADER_LEAST, most)
    if fits:
        # Up to the next 16 MB; most is one of the bounds above, hence the second min.
        wanted = max(wanted, min(-(-need // (16 * MB)) * 16 * MB, most // KB * KB))
    loaded = f"The last load had {rounded(json_bytes)} of JSON; joining its documents takes"
    reason = f"{loaded} about {rounded(need)}" + (
        ", which fits."
        if fits
        else f", more than an eighth of the RAM or 1 GB ({rounded(most)}): it will spill "
        "as much to temporary files. More than 64 MB and less than that gains nothing."
    )
    return Recommendation(
        "work_mem",
        memory(wanted),
        "session",
        reason,
        "measured: 71 MB of JSON spilled 79 MB with 64 MB, nothing with 80 MB",
        scope=LOADER,
        low=memory(wanted),
        high=memory(most // KB * KB) if fits else None,
    )


def _shared_buffers(shares: Budget) -> Recommendation:
    return Recommendation(
        "shared_buffers",
        memory(shares.shared_buffers),
        "restart",
        f"A quarter of the RAM ({rounded(shares.ram)}); 15 to 40 % are left alone. Alone it "
        "did not make a merge faster that fits the operating system's cache.",
        "manual; pgtune, timescaledb-tune, pgconfig: RAM/4",
        low=memory(int(shares.ram * 0.15) // MB * MB),
        high=memory(int(shares.ram * 0.4) // MB * MB),
    )


def _effective_cache_size(ram: int) -> Recommendation:
    return Recommendation(
        "effective_cache_size",
        memory(round_down(ram * 3 / 4, 64 * MB)),
        "session",
        "Three quarters of the RAM: tells the planner what is cached, takes no memory.",
        "pgtune, timescaledb-tune, pgconfig: RAM x 3/4",
    )


def _work_mem(shares: Budget, situation: Situation) -> Recommendation:
    measured = situation.measured
    reason = (
        f"For all sessions: {situation.max_connections} connections share what "
        "shared_buffers and maintenance leave, half of it kept for the cache."
    )
    low = None
    if measured.temp_files == 0 and measured.stats_days is not None and measured.stats_days >= 1:
        reason += f" No statement spilled in at least {measured.stats_days:.0f} days: no need."
        low = memory(_WORK_MEM_DEFAULT)
    elif measured.temp_files:
        reason += (
            f" {counted(measured.temp_files, 'temporary file')} so far,"
            f" {rounded(measured.temp_bytes)} in all."
        )
    return Recommendation(
        "work_mem",
        memory(shares.work_mem),
        "session",
        reason,
        "pgtune without its halves, at most 64 MB",
        low=low,
        high=None if low is None else memory(shares.work_mem),
    )


def _maintenance_work_mem(shares: Budget) -> Recommendation:
    return Recommendation(
        "maintenance_work_mem",
        memory(shares.maintenance_work_mem),
        "session",
        f"For CREATE INDEX and VACUUM; {shares.workers - 1} autovacuum workers may take it too.",
        "pgtune: RAM/16; at most 1 GB, and a quarter of the RAM for all workers",
    )


def _autovacuum_work_mem(shares: Budget) -> Recommendation:
    return Recommendation(
        "autovacuum_work_mem",
        "-1",
        "reload",
        "maintenance_work_mem above is already small enough for all workers at once.",
        "docs/TUNING.md: only where maintenance_work_mem is above 1 GB",
        low="64kB",
        high=memory(shares.maintenance_work_mem),
    )


def _huge_pages(shares: Budget) -> Finding:
    if shares.shared_buffers < 2 * GB:
        return None
    return Recommendation(
        "huge_pages",
        "try",
        "restart",
        "From 2 GB of shared_buffers on they make the tables of pages small.",
        "pgtune",
        also=frozenset(("on",)),
    )


def _max_connections(shares: Budget, now: int) -> Finding:
    if shares.max_connections >= now:
        return None
    return Recommendation(
        "max_connections",
        str(shares.max_connections),
        "restart",
        f"{rounded(shares.ram)} carry no {now} sessions with {memory(shares.work_mem)} each. "
        "Fewer, or a pooler in front; see first how many are used.",
        "postgresqltuner: shared_buffers + 1.5 x max_connections x work_mem + maintenance",
        by_hand=True,
    )
