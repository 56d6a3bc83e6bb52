"""Planner, I/O, compression, and the switches that must never be off."""

from __future__ import annotations

from tuning.situation import Finding, LeftOut, Recommendation, Situation

NEEDS_DISK = "the kind of the disk: --disk ssd or --disk hdd"
NEEDS_CPUS = "the CPUs of the server: --cpus"

PG18 = 180000


def advise(situation: Situation) -> list[Finding]:
    """Everything that is neither memory nor WAL nor of one table."""
    return [
        _random_page_cost(situation),
        _effective_io_concurrency(situation),
        _jit(),
        _max_parallel_maintenance_workers(situation),
        _io_workers(situation),
        _default_toast_compression(situation),
        *_never_off(),
    ]


def _random_page_cost(situation: Situation) -> Finding:
    if situation.disk is None:
        return LeftOut("random_page_cost", NEEDS_DISK)
    if situation.disk == "hdd":
        wanted, reason = "4", "A disk that turns: the default is right."
    elif _is_larger_than_ram(situation):
        return LeftOut(
            "random_page_cost", "agreement: the database is larger than the RAM, tools say 1.1 or 4"
        )
    else:
        wanted, reason = "1.1", "On an SSD a page elsewhere costs hardly more than the next one."
    return Recommendation(
        "random_page_cost",
        wanted,
        "session",
        reason,
        "pgtune, timescaledb-tune: 1.1; hard disk 4",
        low=wanted,
        high="4" if situation.disk == "hdd" else "1.5",
    )


def _is_larger_than_ram(situation: Situation) -> bool:
    ram, database = situation.ram_bytes, situation.database_bytes
    return ram is not None and database is not None and database > ram


def _effective_io_concurrency(situation: Situation) -> Finding:
    if situation.disk is None:
        return LeftOut("effective_io_concurrency", NEEDS_DISK)
    # 18 reads asynchronously by itself; its default of 16 is enough there.
    low = "16" if situation.version >= PG18 else "100"
    is_ssd = situation.disk == "ssd"
    return Recommendation(
        "effective_io_concurrency",
        "200" if is_ssd else "2",
        "session",
        "Reads asked for ahead: helps queries that read much, hardly a merge.",
        "pgtune: SSD 200, hard disk 2",
        low=low if is_ssd else "1",
        high="1000" if is_ssd else "16",
    )


def _jit() -> Recommendation:
    return Recommendation(
        "jit",
        "off",
        "session",
        "The planner takes jsonb_array_elements for 1,700 times its rows and compiles for "
        "nothing. The loader's own sessions have it off already; this is for readers.",
        "docs/TUNING.md; pgtune, timescaledb-tune: off",
    )


def _max_parallel_maintenance_workers(situation: Situation) -> Finding:
    if situation.cpus is None:
        return LeftOut("max_parallel_maintenance_workers", NEEDS_CPUS)
    return Recommendation(
        "max_parallel_maintenance_workers",
        str(min(4, max(2, situation.cpus // 2))),
        "session",
        "For CREATE INDEX. A merge writes, and what writes has no parallel plan.",
        "pgtune: half of the CPUs, at most 4",
    )


def _io_workers(situation: Situation) -> Finding:
    if situation.version < PG18:
        return None
    if situation.cpus is None:
        return LeftOut("io_workers", NEEDS_CPUS)
    wanted = str(min(32, max(3, situation.cpus // 4)))
    return Recommendation(
        "io_workers",
        wanted,
        "reload",
        "Processes that read ahead (io_method worker): a quarter of the CPUs, not below 3.",
        "pgconfig",
        low=wanted,
    )


def _default_toast_compression(situation: Situation) -> Finding:
    if not situation.chooses("default_toast_compression", "lz4"):
        return LeftOut(
            "default_toast_compression", "lz4, which this build of PostgreSQL does not have"
        )
    return Recommendation(
        "default_toast_compression",
        "lz4",
        "session",
        "Values above 2 kB, from now on: the one setting with a clear gain in time, 2 % larger.",
        "docs/TUNING.md: load and merge in 0.89 to 0.91 of the time",
    )


def _never_off() -> list[Finding]:
    reasons = {
        "autovacuum": "Off, tables bloat, plans grow stale, and in the end the server stops.",
        "track_counts": "Without the counts autovacuum does nothing.",
        "fsync": "Off, a crash of the machine destroys the cluster.",
        "full_page_writes": "Off, a torn page is not repaired by recovery.",
    }
    return [
        Recommendation(
            name,
            "on",
            "session" if name == "track_counts" else "reload",
            reason,
            "manual",
        )
        for name, reason in reasons.items()
    ]
