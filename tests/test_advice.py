"""Advice as pure functions: tables of cases, and properties over all servers."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuning import advice_memory, compare, service
from tuning.advice import advise
from tuning.service import Rights
from tuning.situation import LOADER, SERVER, Measured, Situation, Table
from tuning.units import GB, MB, Kind, memory, size_of

KB_8 = Kind("integer", "8kB")
KB = Kind("integer", "kB")
SECONDS = Kind("integer", "s")
REAL = Kind("real")
LZ4 = {
    "wal_compression": ("pglz", "lz4", "on", "off"),
    "default_toast_compression": ("pglz", "lz4"),
}
RUN = Measured(load_json_bytes=71 * MB, transform_wal_bytes=163 * MB, most_wal_bytes=900 * MB)
KNOWN = Situation(
    version=170000,
    ram_bytes=8 * GB,
    cpus=2,
    disk="ssd",
    wal_space_bytes=40 * GB,
    choices=LZ4,
    database_bytes=GB,
    measured=RUN,
)
# Of the settings that are memory or numbers, so that they can be compared.
KINDS = {
    "shared_buffers": KB_8,
    "effective_cache_size": KB_8,
    "work_mem": KB,
    "maintenance_work_mem": KB,
    "max_wal_size": Kind("integer", "MB"),
    "max_connections": Kind("integer"),
    "max_parallel_maintenance_workers": Kind("integer"),
    "io_workers": Kind("integer"),
}


def wanted(situation: Situation, scope: str = SERVER) -> dict[str, str]:
    return {
        found.name: found.wanted
        for found in advise(situation).recommendations
        if found.scope == scope
    }


def left_out(situation: Situation) -> set[str]:
    return {found.name for found in advise(situation).left_out}


@pytest.mark.parametrize(
    ("ram", "expected"),
    [
        (2 * GB, ("512MB", "1536MB", "4MB", "128MB", "96MB")),
        (8 * GB, ("2GB", "6GB", "13MB", "512MB", "96MB")),
        (32 * GB, ("8GB", "24GB", "64MB", "1GB", "96MB")),
        # As the kernel shows 8 GB.
        (8_100_000 * 1024, ("1920MB", "5888MB", "13MB", "494MB", "96MB")),
    ],
    ids=["2GB", "8GB", "32GB", "7.7GB"],
)
def test_memory(ram: int, expected: tuple[str, ...]) -> None:
    """100 connections, 3 autovacuum workers; the last one is the loader's own work_mem."""
    situation = replace(KNOWN, ram_bytes=ram)
    found = wanted(situation)

    names = ("shared_buffers", "effective_cache_size", "work_mem", "maintenance_work_mem")
    loader = wanted(situation, LOADER)["work_mem"]
    assert (*(found[name] for name in names), loader) == expected


@pytest.mark.parametrize(
    ("ram", "json_bytes", "expected", "words"),
    [
        (2 * GB, 10 * MB, "64MB", "fits"),
        (2 * GB, 200 * MB, "240MB", "fits"),
        # 1.2 x 215 MB are more than an eighth of 2 GB: covered or not at all.
        (2 * GB, 215 * MB, "64MB", "will spill"),
        (32 * GB, 853 * MB, "1GB", "fits"),
        (32 * GB, 900 * MB, "64MB", "will spill"),
        (256 * MB, 900 * MB, "32MB", "will spill"),
    ],
)
def test_work_mem_of_the_loader(ram: int, json_bytes: int, expected: str, words: str) -> None:
    """From the JSON of the last load; what does not fit is said, and not half given."""
    situation = replace(KNOWN, ram_bytes=ram, measured=Measured(load_json_bytes=json_bytes))
    found = [f for f in advise(situation).recommendations if f.scope == LOADER]

    assert [found[0].wanted] == [expected]
    assert words in found[0].reason


@pytest.mark.parametrize(
    ("cpus", "workers", "io_workers"), [(1, "2", "3"), (2, "2", "3"), (16, "4", "4")]
)
def test_cpus(cpus: int, workers: str, io_workers: str) -> None:
    """Few CPUs are no reason to go below the defaults."""
    found = wanted(replace(KNOWN, cpus=cpus, version=180000))

    assert found["max_parallel_maintenance_workers"] == workers
    assert found["io_workers"] == io_workers


@pytest.mark.parametrize("version", [150000, 160000, 170000, 180000])
def test_versions(version: int) -> None:
    """io_workers came with 18, which also reads ahead by itself."""
    found = {f.name: f for f in advise(replace(KNOWN, version=version)).recommendations}

    assert ("io_workers" in found) == (version >= 180000)
    assert found["effective_io_concurrency"].low == ("16" if version >= 180000 else "100")


@pytest.mark.parametrize(
    ("disk", "database", "cost"),
    [("ssd", GB, "1.1"), ("hdd", GB, "4"), ("hdd", 9 * GB, "4"), ("ssd", 9 * GB, None)],
)
def test_disks(disk: str, database: int, cost: str | None) -> None:
    """Where the database is larger than the RAM the tools disagree: nothing is advised."""
    situation = replace(KNOWN, disk="ssd" if disk == "ssd" else "hdd", database_bytes=database)

    assert wanted(situation).get("random_page_cost") == cost
    assert ("random_page_cost" in left_out(situation)) == (cost is None)


@pytest.mark.parametrize(
    ("most_wal", "space", "expected", "high"),
    [
        (10 * MB, 40 * GB, "1GB", "20GB"),
        (900 * MB, 40 * GB, "2GB", "20GB"),
        (20 * GB, 40 * GB, "16GB", "20GB"),
        (5 * GB, 8 * GB, "4GB", "4GB"),
        (10 * MB, GB, "512MB", "512MB"),
    ],
)
def test_wal(most_wal: int, space: int, expected: str, high: str) -> None:
    """Twice the measured, at most half of the room; more than that is too much."""
    situation = replace(KNOWN, wal_space_bytes=space, measured=Measured(most_wal_bytes=most_wal))
    found = {f.name: f for f in advise(situation).recommendations}["max_wal_size"]

    assert (found.wanted, found.high) == (expected, high)


def test_what_is_not_known_is_left_out() -> None:
    """No figure, no advice that depends on it, and a word about what is missing."""
    found = advise(Situation(version=180000))
    lacking = {out.name: out.lacking for out in found.left_out}

    assert set(lacking) >= {
        "shared_buffers", "effective_cache_size", "work_mem", "maintenance_work_mem",
        "huge_pages", "work_mem of the loader", "max_wal_size", "random_page_cost",
        "effective_io_concurrency", "max_parallel_maintenance_workers", "io_workers",
        "wal_compression", "default_toast_compression",
    }  # fmt: skip
    assert "--ram" in lacking["shared_buffers"]
    assert "--wal-space" in lacking["max_wal_size"]
    assert "bin/transform" in lacking["max_wal_size"]
    assert {f.name for f in found.recommendations} == {
        "checkpoint_timeout", "checkpoint_completion_target", "jit", "autovacuum",
        "track_counts", "fsync", "full_page_writes",
    }  # fmt: skip
    assert found.ram_upgrade is None


def test_tables() -> None:
    """Only large ones, and only what is not lower already."""
    tables = (Table("amo.small", 99_999), Table("amo.mid", 100_000), Table("amo.large", 3e6))
    found = [
        f for f in advise(replace(KNOWN, tables=tables)).recommendations if f.scope[3:4] == "."
    ]

    assert {(f.scope, f.wanted) for f in found} == {("amo.mid", "0.05"), ("amo.large", "0.02")}
    assert len(found) == 6
    assert [compare.is_fine(found[0], REAL, now) for now in ("0.2", "0.02", "0.01", "0")] == [
        False, True, True, True,
    ]  # fmt: skip


def test_too_many_connections() -> None:
    """2 GB do not carry 1,000 sessions: a number that fits, to be decided by hand."""
    small = advise(replace(KNOWN, ram_bytes=2 * GB, max_connections=1000))
    found = {f.name: f for f in small.recommendations if f.scope == SERVER}

    assert found["max_connections"].by_hand
    assert found["max_connections"].wanted == "170"
    assert found["work_mem"].wanted == "4MB"


def test_no_spill_no_need() -> None:
    """Where nothing spilled for a day, 4 MB are as good; where something did, they are not."""
    for temp_files, is_fine in ((0, True), (3, False)):
        measured = Measured(temp_files=temp_files, temp_bytes=temp_files * GB, stats_days=3.0)
        found = {f.name: f for f in advise(replace(KNOWN, measured=measured)).recommendations}
        assert compare.is_fine(found["work_mem"], KB, "4096") == is_fine


@pytest.mark.parametrize(
    ("ram", "database", "measured", "brings", "brings_not"),
    [
        # 5 to 8 GB, and everything is in memory already.
        (5, 1, {"hit_blocks": 999_000, "read_blocks": 1000}, "", "fits the cache"),
        (5, 1, {"hit_blocks": 999_000, "read_blocks": 1000}, "", "are hits already"),
        # 5 GB of data fit 6 GB of cache and not 3.75.
        (5, 5, {"hit_blocks": 900_000, "read_blocks": 100_000}, "would stay in the cache", ""),
        (5, 5, {"hit_blocks": 900_000, "read_blocks": 100_000}, "at best these become hits", ""),
        (5, 60, {"hit_blocks": 900_000, "read_blocks": 100_000}, "10 % of the database", ""),
        (5, 1, {"hit_blocks": 10, "read_blocks": 10}, "", "too few blocks"),
        # 10 MB fit 13 MB and not 8; 1 GB fits neither.
        (5, 1, {"temp_files": 10, "temp_bytes": 100 * MB}, "10 temporary files", ""),
        (5, 1, {"temp_files": 10, "temp_bytes": 10 * GB}, "", "10 temporary files"),
        (5, 1, {"stats_days": 1.0}, "", "there were none"),
        # 700 MB x 1.2 are more than an eighth of 5 GB.
        (5, 1, {"load_json_bytes": 700 * MB}, "largest join in memory", ""),
        (5, 1, {"load_json_bytes": 70 * MB}, "", "7 requests a second"),
    ],
)
def test_more_ram(
    ram: int, database: int, measured: dict[str, int], brings: str, brings_not: str
) -> None:
    """What 8 GB instead of 5 would bring and what not, from what was measured."""
    found = advise(
        replace(
            KNOWN,
            ram_bytes=ram * GB,
            database_bytes=database * GB,
            measured=replace(Measured(), **measured),
        )
    ).ram_upgrade

    assert found is not None
    assert found.to_bytes == 8 * GB
    assert brings in "\n".join(found.brings)
    assert brings_not in "\n".join(found.brings_not)
    assert brings or not any("join" in text for text in found.brings)


servers = st.builds(
    lambda connections, workers, json_bytes, wal, space: replace(
        KNOWN,
        version=180000,
        max_connections=connections,
        autovacuum_workers=workers,
        wal_space_bytes=space,
        measured=Measured(load_json_bytes=json_bytes, most_wal_bytes=wal),
    ),
    connections=st.integers(1, 5000),
    workers=st.integers(1, 20),
    json_bytes=st.integers(0, 4 * GB),
    wal=st.integers(0, 40 * GB),
    space=st.integers(100 * MB, 200 * GB),
)
rams = st.integers(256 * MB, 512 * GB)


@given(servers, rams, rams)
def test_more_ram_never_advises_less(situation: Situation, one: int, other: int) -> None:
    """Of any setting that is a number; a max_connections that fits is not mentioned."""
    less, more = (wanted(replace(situation, ram_bytes=ram)) for ram in sorted((one, other)))

    for name, kind in KINDS.items():
        if name in less and name in more:
            assert kind.number(more[name]) >= kind.number(less[name]), name


@given(servers, st.integers(1, 256), st.integers(1, 256), st.integers(100 * MB, 200 * GB))
def test_more_cpus_or_room_never_advise_less(
    situation: Situation, one: int, other: int, space: int
) -> None:
    """The same for CPUs and for room for WAL."""
    few, many = (wanted(replace(situation, cpus=cpus)) for cpus in sorted((one, other)))
    spaces = sorted((space, situation.wal_space_bytes or 0))
    tight, wide = (wanted(replace(situation, wal_space_bytes=size)) for size in spaces)

    for less, more in ((few, many), (tight, wide)):
        for name, kind in KINDS.items():
            if name in less:
                assert kind.number(more[name]) >= kind.number(less[name]), name


@given(rams, st.integers(1, 10_000), st.integers(1, 50))
def test_the_sum_fits(ram: int, connections: int, workers: int) -> None:
    """shared_buffers + 1.5 x max_connections x work_mem + maintenance never exceed the RAM."""
    shares = advice_memory.budget(ram, connections, workers)

    assert 0 < shares.max_connections <= connections
    assert shares.work_mem >= 4 * MB
    assert shares.total <= ram


@given(servers, rams, st.integers(1, 8))
def test_the_loader_leaves_room(situation: Situation, ram: int, sessions: int) -> None:
    """Its sessions take a quarter of the RAM at most, each with two sorts or joins at once."""
    found = wanted(replace(situation, ram_bytes=ram, sessions=sessions), LOADER)["work_mem"]

    assert 2 * sessions * KB.number(found) <= ram / 4


@pytest.mark.parametrize(
    ("kind", "text", "number", "shown"),
    [
        (KB_8, "16384", 128 * MB, "128MB"),
        (KB_8, "2GB", 2 * GB, "2GB"),
        (KB_8, "0.5GB", GB / 2, "512MB"),
        (Kind("integer", "32kB"), "4096", 128 * MB, "128MB"),
        (KB, "65536", 64 * MB, "64MB"),
        (KB, "-1", -1, "-1"),
        (Kind("integer", "MB"), "1984", 1984 * MB, "1984MB"),
        (SECONDS, "300", 300_000, "5min"),
        (SECONDS, "90", 90_000, "90s"),
        (SECONDS, "1h", 3_600_000, "1h"),
        (Kind("integer", "B"), "1048576", MB, "1MB"),
        (Kind("real", "ms"), "0.5", 0.5, "500us"),
        (REAL, "0.9", 0.9, "0.9"),
        (REAL, "4", 4, "4"),
        (REAL, "1e-05", 1e-05, "1e-05"),
        (Kind("integer"), "100", 100, "100"),
    ],
)
def test_units(kind: Kind, text: str, number: float, shown: str) -> None:
    """In bytes, milliseconds or as they are; back as SHOW has them."""
    assert kind.number(text) == number
    assert kind.show(text) == shown


@pytest.mark.parametrize("text", ["2gb", "2 parsecs", "lots", "5min"])
def test_no_unit(text: str) -> None:
    """PostgreSQL's units are case-sensitive, and time is no memory."""
    with pytest.raises(ValueError, match=r"no unit|not a number"):
        KB_8.number(text)


@pytest.mark.parametrize("text", ["8", "8XB", "-8GB", "0GB", "", "GB"])
def test_no_size(text: str) -> None:
    """8 alone may be meant as GB."""
    with pytest.raises(ValueError, match="not a size"):
        size_of(text)


def test_sizes() -> None:
    """As people write them."""
    assert [size_of(text) for text in ("8GB", "8 gb", "8G", "8GiB", "0.5g", "512M")] == [
        8 * GB, 8 * GB, 8 * GB, 8 * GB, GB // 2, 512 * MB,
    ]  # fmt: skip


@given(st.integers(1, 2**50))
def test_memory_is_exact(size: int) -> None:
    """Nothing is lost between bytes and text."""
    assert Kind("integer", "B").number(memory(size)) == size


@pytest.mark.parametrize(
    ("name", "current", "is_fine"),
    [
        # 15 to 40 % of 8 GB.
        ("shared_buffers", "2GB", True),
        ("shared_buffers", "1.9GB", True),
        ("shared_buffers", "1.5GB", True),
        ("shared_buffers", "128MB", False),
        ("shared_buffers", "3.5GB", False),
        # 5 % of 6 GB.
        ("effective_cache_size", "5.75GB", True),
        ("effective_cache_size", "5.6GB", False),
        ("effective_cache_size", "6.4GB", False),
        ("maintenance_work_mem", "500MB", True),
        ("maintenance_work_mem", "2GB", False),
    ],
)
def test_what_is_left_alone(name: str, current: str, is_fine: bool) -> None:
    """Less than 5 % off, or within what is as good."""
    found = {f.name: f for f in advise(KNOWN).recommendations if f.scope == SERVER}

    assert compare.is_fine(found[name], KINDS[name], current) == is_fine


def test_words_that_are_as_good() -> None:
    """zstd is no worse than lz4; on is not off, however it is spelt."""
    found = {f.name: f for f in advise(KNOWN).recommendations}
    enum, boolean = Kind("enum"), Kind("bool")

    fine = [compare.is_fine(found["wal_compression"], enum, now) for now in ("lz4", "zstd", "pglz")]
    assert fine == [True, True, False]
    assert [compare.is_fine(found["jit"], boolean, now) for now in ("off", "FALSE", "on")] == [
        True, True, False,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("superusers", "is_superuser", "name"),
    [
        (("rdsadmin",), False, "Amazon RDS or Aurora"),
        (("postgres", "cloudsqladmin"), False, "Google Cloud SQL"),
        (("azuresu",), False, "Azure Database for PostgreSQL"),
        # rds_superuser is created by people at home, and is no superuser there.
        (("postgres",), False, None),
        # Who is a superuser is on no managed service.
        (("postgres", "rdsadmin"), True, None),
        ((), False, None),
    ],
)
def test_managed_services(
    superusers: tuple[str, ...], is_superuser: bool, name: str | None
) -> None:
    """Known by the superuser that no customer has."""
    found = service.detect(superusers, is_superuser=is_superuser)

    assert (found.name if found else None) == name


@pytest.mark.parametrize(
    ("context", "source", "rights", "words", "is_final"),
    [
        ("sighup", "default", Rights("dba", True), None, None),
        ("sighup", "default", Rights("dba", False, frozenset(("work_mem",))), None, None),
        ("sighup", "default", Rights("app", False), "app may not", False),
        ("internal", "default", Rights("dba", True), "fixed when", True),
        ("sighup", "command line", Rights("dba", True), "command line", True),
        ("sighup", "default", Rights("dba", True, allows_alter_system=False), "allow_alter", True),
        (
            "sighup",
            "default",
            Rights("me", False, service=service.detect(("rdsadmin",), is_superuser=False)),
            "parameter group",
            True,
        ),
    ],
)
def test_hurdles(
    context: str, source: str, rights: Rights, words: str | None, is_final: bool | None
) -> None:
    """What nobody may set there is told from what this role may not."""
    found = service.hurdle("work_mem", context, source, rights)

    if words is None:
        assert found is None
    else:
        assert found is not None
        assert words in found.text
        assert found.is_final == is_final
