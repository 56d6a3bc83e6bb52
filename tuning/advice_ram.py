"""Would more RAM help? Answered from the size of the data, cache hits and temporary files."""

from __future__ import annotations

from tuning import advice_memory
from tuning.situation import LOADER, RamUpgrade, Recommendation, Situation
from tuning.units import GB, Kind, counted, rounded

_MEMORY = Kind("integer", "kB")
_SIZES = tuple(2**power * GB for power in range(13))
_BLOCK = 8192


def advise(situation: Situation, to_bytes: int | None = None) -> RamUpgrade | None:
    """Compare with to_bytes, by default the next power of two; None without the RAM there is."""
    ram = situation.ram_bytes
    if ram is None:
        return None
    # 8 GB that the kernel shows as 7.7 are 8, not on their way to 8.
    target = to_bytes or next((size for size in _SIZES if size > 1.1 * ram), 2 * ram)
    if target <= ram:
        return None
    said = [*_cache(situation, ram, target), *_temp(situation, ram, target)]
    brings = tuple(text for is_gain, text in said if is_gain)
    brings_not = tuple(text for is_gain, text in said if not is_gain)
    return RamUpgrade(ram, target, brings, (*brings_not, *_NEVER))


# True: a gain; False: none.
_Said = tuple[bool, str]

_NEVER = (
    "a faster load: amoCRM allows 7 requests a second, whatever the server is",
    "less WAL, or faster commits: those are the disk's",
)


def _cache(situation: Situation, ram: int, target: int) -> list[_Said]:
    size = situation.database_bytes
    if size is None:
        return []
    # The cache is what effective_cache_size says: three quarters.
    now, then = 0.75 * ram, 0.75 * target
    said: list[_Said]
    if size <= now:
        said = [
            (
                False,
                f"reads: the database ({rounded(size)}) fits the cache of {rounded(now)} already",
            )
        ]
    elif size <= then:
        said = [
            (
                True,
                f"the whole database ({rounded(size)}) would stay in the cache "
                f"({rounded(then)}); now {100 * now / size:.0f} % of it can",
            )
        ]
    else:
        said = [
            (
                True,
                f"{100 * then / size:.0f} % of the database ({rounded(size)}) in the cache "
                f"instead of {100 * now / size:.0f} %",
            )
        ]
    return [*said, *_hits(situation, size <= now)]


def _hits(situation: Situation, fits: bool) -> list[_Said]:
    measured = situation.measured
    share = measured.hit_share
    if share is None:
        return [(False, "a measured answer about reads: too few blocks were read so far")]
    read = f"{rounded(measured.read_blocks * _BLOCK)} were asked of the operating system"
    if share >= 0.99:
        return [(False, f"cache hits: {100 * share:.2f} % are hits already ({read})")]
    text = f"cache hits: {100 * share:.1f} % were hits in shared_buffers, {read}"
    if fits:
        return [(False, f"{text}, whose own cache holds them all: a copy, not the disk")]
    return [(True, f"{text}; at best these become hits")]


def _temp(situation: Situation, ram: int, target: int) -> list[_Said]:
    measured = situation.measured
    said: list[_Said] = []
    if measured.temp_files:
        now, then = (_server_work_mem(situation, size) for size in (ram, target))
        average = measured.temp_bytes / measured.temp_files
        text = (
            f"{counted(measured.temp_files, 'temporary file')} of {rounded(average)} on average; "
            f"work_mem for all could be {rounded(then)} instead of {rounded(now)}"
        )
        # A sort is either covered or spills just as much.
        said.append((now < average <= then, text))
    elif measured.stats_days is not None:
        said.append((False, "fewer temporary files: there were none"))
    before, after = (_loader_work_mem(situation, size) for size in (ram, target))
    if before is not None and after is not None and after > before:
        said.append(
            (
                True,
                f"the loader's largest join in memory: work_mem {rounded(after)} for it"
                f" instead of {rounded(before)}",
            )
        )
    return said


def _server_work_mem(situation: Situation, ram: int) -> int:
    return advice_memory.budget(
        ram, situation.max_connections, situation.autovacuum_workers
    ).work_mem


def _loader_work_mem(situation: Situation, ram: int) -> float | None:
    found = advice_memory.loader_work_mem(situation.with_ram(ram))
    if isinstance(found, Recommendation) and found.scope == LOADER:
        return _MEMORY.number(found.wanted)
    return None
