"""Settings of the server that a large load gains from and that a reload brings in.

Measured for 300,000 leads (facts/tuning.md 5): max_wal_size of 8 GB and wal_compression lz4 made
4180 MB of WAL 1527 MB and 7 checkpoints none. Nothing here risks data: fsync and
full_page_writes are nobody's business.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import LiteralString

import psycopg

from loader.db import Connection, scalar
from loader.errors import UsageError

# Values are written in the unit of pg_settings, so that they can be compared.
UNITS = {
    "max_wal_size": "MB",
    "min_wal_size": "MB",
    "checkpoint_timeout": "s",
    "checkpoint_completion_target": "",
    "wal_compression": "",
}

_LEAST_MB, _MOST_MB = 4096, 16_384
_TIMEOUT_SECONDS = 1800

# The most that one transform has written so far.
_WAL_MB: LiteralString = """
    SELECT coalesce(max(written), 0) / 1048576
    FROM (SELECT sum(wal_bytes) FROM ops.transforms GROUP BY run_id) AS run (written)
"""


@dataclass(frozen=True, slots=True)
class Wish:
    """One setting. why_not: empty where it is to be set."""

    name: str
    value: str
    why_not: str = ""


def wishes(
    connection: Connection, given: Mapping[str, str], wal_space_bytes: int | None = None
) -> list[Wish]:
    """The profile; what a person has given stands in the place of its own value.

    wal_space_bytes: what WAL may take on its volume; None: unknown, and nothing is held back.

    Raises UsageError for a setting that is not of the profile or a value it cannot have.
    """
    if unknown := sorted(set(given) - set(UNITS)):
        raise UsageError(
            "bin/tune sets only what a reload can bring in and take back without a risk for data",
            detail=", ".join(unknown),
            hint="--set NAME=VALUE with NAME one of " + ", ".join(UNITS),
        )
    wished = [
        _max_wal_size(connection, wal_space_bytes),
        _checkpoint_timeout(connection),
        _compression(connection),
    ]
    own = [Wish(name, _normal(connection, name, value)) for name, value in given.items()]
    return [wish for wish in wished if wish.name not in given] + own


def _max_wal_size(connection: Connection, space_bytes: int | None) -> Wish:
    """Twice the WAL of the largest transform, within bounds: room for one without a checkpoint.

    Half of the space at most: a standby that lags, or an archive, keeps WAL beyond it.
    """
    twice = 2 * int(scalar(connection, _WAL_MB))
    value = min(max(_LEAST_MB, -(-twice // 16) * 16), _MOST_MB)
    if space_bytes is None or value <= (fits := space_bytes // 2 // 2**20 // 16 * 16):
        return _at_least(connection, "max_wal_size", value)
    wish = _at_least(connection, "max_wal_size", max(fits, 32))
    if wish.why_not:
        return replace(
            wish, why_not=f"WAL may take {space_bytes // 2**20}MB, and half of it is less"
        )
    return wish


def _checkpoint_timeout(connection: Connection) -> Wish:
    return _at_least(connection, "checkpoint_timeout", _TIMEOUT_SECONDS)


def _at_least(connection: Connection, name: str, value: int) -> Wish:
    found = int(scalar(connection, "SELECT setting FROM pg_settings WHERE name = %s", (name,)))
    why_not = f"{found}{UNITS[name]} is enough" if found >= value else ""
    return Wish(name, f"{value}{UNITS[name]}", why_not)


def _compression(connection: Connection) -> Wish:
    found, values = connection.execute(
        "SELECT setting, enumvals FROM pg_settings WHERE name = 'wal_compression'"
    ).fetchone() or ("", [])
    why_not = ""
    if found != "off":
        why_not = f"{found} already"
    elif "lz4" not in values:
        why_not = "this server was built without lz4, and pglz costs more than it gains"
    return Wish("wal_compression", "lz4", why_not)


_NORMAL: Mapping[str, LiteralString] = {
    "MB": "SELECT (pg_size_bytes(%s) / 1048576)::text || 'MB'",
    "s": "SELECT extract(epoch FROM %s::interval)::bigint::text || 's'",
    "": "SELECT %s::text",
}


def _normal(connection: Connection, name: str, value: str) -> str:
    """8GB becomes 8192MB; a bare number is in the unit of the setting, as PostgreSQL takes it."""
    unit = UNITS[name]
    text = value + unit if value.isdigit() else value
    try:
        found = str(scalar(connection, _NORMAL[unit], (text,)))
    except psycopg.Error as exc:
        raise UsageError(f"{value} is no value of {name}", hint="for example 8GB, 30min") from exc
    values = scalar(connection, "SELECT enumvals FROM pg_settings WHERE name = %s", (name,))
    if values and found not in values:
        raise UsageError(f"{value} is no value of {name}", hint="one of " + ", ".join(values))
    # The server calls it by its other name.
    return "pglz" if name == "wal_compression" and found == "on" else found
