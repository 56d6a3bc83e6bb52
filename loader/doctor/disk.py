"""The check of free disk against what a night takes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import LiteralString

from loader.config import is_loopback
from loader.db import Connection, scalar
from loader.doctor.finding import Finding, Skip, fail, ok, warn
from loader.doctor.scene import Scene
from tuning import machine
from tuning.collect import given
from tuning.units import rounded

# JSON that the last full load staged, which staging holds compressed, and the WAL of the largest of
# the last 30 transforms: the first one of all wrote much more than any night does.
_LAST_LOAD: LiteralString = """
    SELECT coalesce(sum(page.bytes::bigint), 0)::bigint
    FROM ops.pages AS page
    WHERE page.run_id = (
        SELECT max(run.id) FROM ops.runs AS run WHERE run.kind = 'load' AND run.mode = 'full'
        AND run.status IN ('ok', 'partial')
    )
"""
_MOST_WAL: LiteralString = """
    SELECT coalesce(max(summed.bytes), 0)::bigint
    FROM (
        SELECT sum(wal_bytes) AS bytes FROM ops.transforms
        GROUP BY run_id ORDER BY run_id DESC LIMIT 30
    ) AS summed
"""


def disk(scene: Scene) -> Finding:
    """The next night fits on the disk

    It takes no more than the JSON of the last full load and the WAL of the largest of the last 30
    transforms. FAIL: less is free. WARN: less than twice that. AMO_WAL_SPACE counts when it is set;
    else the volume of the data is looked at, when the server runs on this machine and tells where
    its data is.
    """
    staged, wal = scalar(scene.db, _LAST_LOAD), scalar(scene.db, _MOST_WAL)
    if configured := given(scene.config).wal_space_bytes:
        return _judge(configured, wal, f"{scene.config.settings['wal_space'].origin} for WAL")
    free, where = _free(scene.db)
    return _judge(free, staged + wal, f"free {where}")


def _judge(room: int, need: int, where: str) -> Finding:
    detail = f"{rounded(room)} {where}, a night takes {rounded(need)}"
    hint = "free space, or enlarge the volume; bin/transform --chunk-rows needs less WAL at once"
    if room < need:
        return fail(detail, hint)
    return warn(detail, hint) if room < 2 * need else ok(detail)


def _free(connection: Connection) -> tuple[int, str]:
    """Bytes on the volume that has the least, and its name. Raises Skip when not to be seen."""
    info = connection.info
    if not info.host.startswith(("/", "@")) and not is_loopback(info.hostaddr or info.host):
        raise Skip(f"the server is on {info.host}; AMO_WAL_SPACE says what WAL may take")
    setting = "SELECT setting FROM pg_settings WHERE name = 'data_directory'"
    data = scalar(connection, setting)
    if data is None:
        raise Skip(f"{info.user} may not see where the data is; AMO_WAL_SPACE says what is free")
    if not machine.has_backend(info.backend_pid, Path(data)):
        raise Skip("the server answers here, but is no process of this machine")
    rooms = [(room, path) for path in (data, f"{data}/pg_wal") if (room := _room(path)) is not None]
    if not rooms:
        raise Skip(f"{data} cannot be looked into")
    room, path = min(rooms)
    return room, f"at {path}"


def _room(path: str) -> int | None:
    try:
        volume = os.statvfs(path)
    except OSError:
        return None
    return volume.f_bavail * volume.f_frsize
