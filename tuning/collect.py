"""From a connection and the configuration to a situation, saying where each figure is from.

RAM, CPUs, disk and room for WAL come from the configuration, else from this machine when the
server runs on it, else from nowhere: they are never guessed.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from loader.config import Config, is_loopback
from loader.db import Connection, scalar
from loader.errors import UsageError
from tuning import facts, machine, units
from tuning import settings as reading
from tuning.machine import Disk, Machine
from tuning.service import Rights
from tuning.settings import Override, Setting
from tuning.situation import Situation


@dataclass(frozen=True, slots=True)
class Given:
    """What was configured; None: nothing."""

    ram_bytes: int | None
    cpus: int | None
    disk: Disk | None
    wal_space_bytes: int | None


@dataclass(frozen=True, slots=True)
class Server:
    """All that advice, and the table that shows it, are made from."""

    version: str
    is_local: bool
    why_not_local: str
    situation: Situation
    origins: dict[str, str]  # of ram, cpus, disk, wal_space: where the figure is from
    settings: dict[str, Setting]
    overrides: list[Override]
    rights: Rights
    database: str


def given(config: Config) -> Given:
    """The figures of the configuration. Raises UsageError for one that is none."""
    ram, wal_space = _size(config, "ram"), _size(config, "wal_space")
    cpus, disk = config.get("cpus"), config.get("disk")
    if cpus is not None and not (cpus.isdecimal() and 0 < int(cpus) <= 4096):
        raise _wrong(config, "cpus", "it is a number such as 8")
    kind: Disk | None = "ssd" if disk == "ssd" else "hdd" if disk == "hdd" else None
    if disk is not None and kind is None:
        raise _wrong(config, "disk", "it is ssd or hdd")
    return Given(ram, None if cpus is None else int(cpus), kind, wal_space)


def collect(connection: Connection, config: Config) -> Server:
    """Ask the server, and this machine when the server is on it."""
    known = given(config)
    settings = reading.read(connection)
    data, why_not = _data_directory(connection, settings)
    here = Machine() if data is None else machine.inspect(connection.info.backend_pid, data)
    here_space = _space(connection, here)
    values = {
        "ram": (known.ram_bytes, here.ram_bytes),
        "cpus": (known.cpus, here.cpus),
        "disk": (known.disk, here.disk),
        "wal_space": (known.wal_space_bytes, here_space),
    }
    limit = settings["temp_file_limit"]
    situation = Situation(
        version=connection.info.server_version,
        ram_bytes=known.ram_bytes or here.ram_bytes,
        cpus=known.cpus or here.cpus,
        disk=known.disk or here.disk,
        wal_space_bytes=known.wal_space_bytes or here_space,
        max_connections=int(settings["max_connections"].value),
        huge_pages_are_used=_are_used(settings),
        autovacuum_workers=int(settings["autovacuum_max_workers"].value),
        database_bytes=scalar(connection, "SELECT pg_database_size(current_database())"),
        choices={name: found.choices for name, found in settings.items() if found.choices},
        temp_file_limit_bytes=None if limit.value == "-1" else int(limit.kind.number(limit.value)),
        measured=facts.measured(connection),
        tables=facts.tables(connection),
    )
    return Server(
        version=settings["server_version"].value,
        is_local=data is not None,
        why_not_local=why_not,
        situation=situation,
        origins={name: _origin(config, name, *pair) for name, pair in values.items()},
        settings=settings,
        overrides=reading.overrides(connection),
        rights=facts.rights(connection),
        database=connection.info.dbname,
    )


def wal_space_bytes(connection: Connection, config: Config) -> int | None:
    """What WAL may take on its volume, as configured or as this machine has it; None: unknown."""
    if (known := given(config).wal_space_bytes) is not None:
        return known
    data, _ = _data_directory(connection, reading.read(connection))
    if data is None:
        return None
    return _space(connection, machine.inspect(connection.info.backend_pid, data))


def _space(connection: Connection, here: Machine) -> int | None:
    taken = facts.wal_bytes(connection)
    if here.wal_free_bytes is None or taken is None:
        return None
    return here.wal_free_bytes + taken


def _are_used(settings: dict[str, Setting]) -> bool | None:
    """huge_pages_status, since 17."""
    status = settings.get("huge_pages_status")
    return None if status is None else status.value == "on"


def _data_directory(
    connection: Connection, settings: dict[str, Setting]
) -> tuple[Path | None, str]:
    """The data directory when the server is on this machine; else None and why not."""
    host = connection.info.host
    address = connection.info.hostaddr or host
    if not host.startswith(("/", "@")) and not is_loopback(address):
        return None, f"the server is on {host}"
    data = settings.get("data_directory")
    if data is None:
        return None, f"{connection.info.user} may not see where the server's files are"
    path = Path(data.value)
    if not machine.has_backend(connection.info.backend_pid, path):
        return None, "the server answers here, but is no process of this machine"
    return path, ""


def _origin(config: Config, name: str, known: object, here: object) -> str:
    if known is not None:
        return config.settings[name].origin
    return "this machine" if here is not None else ""


def _size(config: Config, name: str) -> int | None:
    text = config.get(name)
    try:
        return None if text is None else units.size_of(text)
    except ValueError as exc:
        raise _wrong(config, name, "it is a size such as 8GB") from exc


def _wrong(config: Config, name: str, hint: str) -> UsageError:
    found = config.settings[name]
    return UsageError(
        f"{found.origin} has no such value", detail=f"{name} = {found.value!r}", hint=hint
    )
