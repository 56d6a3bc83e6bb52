"""RAM, CPUs and disk of this machine, as the processes of a server on it have them.

Linux tells them in /proc and /sys. What cannot be read, or may be wrong, is None.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

_PROC = Path("/proc")
_SYS = Path("/sys")

Disk = Literal["ssd", "hdd"]


@dataclass(frozen=True, slots=True)
class Machine:
    """None: not known. Bytes."""

    ram_bytes: int | None = None
    cpus: int | None = None
    disk: Disk | None = None
    wal_free_bytes: int | None = None


def has_backend(pid: int, data: Path) -> bool:
    """Is the backend a process of this machine, working in this data directory?

    A loopback address may be a tunnel, or the published port of a container: then the pid is
    nobody's here, or another program's.
    """
    try:
        if (_PROC / str(pid) / "comm").read_text().strip() != "postgres" or not data.is_dir():
            return False
    except OSError:
        return False
    try:
        # Only its owner and root may look.
        return (_PROC / str(pid) / "cwd").samefile(data)
    except OSError:
        return True


def inspect(pid: int, data: Path) -> Machine:
    """What the backend with this pid has; a limit of its control group counts."""
    return Machine(_ram(pid), _cpus(pid), disk(data), _free(data / "pg_wal"))


def _ram(pid: int) -> int | None:
    try:
        match = re.search(r"^MemTotal:\s+(\d+) kB", (_PROC / "meminfo").read_text(), re.MULTILINE)
    except OSError:
        return None
    limits = [int(text) for text in _group_files(pid, "memory.max") if text.isdigit()]
    return min([1024 * int(match[1]), *limits]) if match else None


def _cpus(pid: int) -> int | None:
    try:
        cpus = len(os.sched_getaffinity(pid))
    except (AttributeError, OSError):
        return None
    for text in _group_files(pid, "cpu.max"):
        quota, _, period = text.partition(" ")
        if quota.isdigit() and period.isdigit():
            cpus = min(cpus, max(1, int(quota) // int(period)))
    return cpus


def _group_files(pid: int, name: str) -> list[str]:
    """The file of that name in the control group (v2) of a process, and in all above it."""
    try:
        lines = (_PROC / str(pid) / "cgroup").read_text().splitlines()
    except OSError:
        return []
    path = next((line[3:] for line in lines if line.startswith("0::")), None)
    if path is None:
        return []
    root = _SYS / "fs/cgroup"
    folder = root / path.lstrip("/")
    texts = []
    for group in (folder, *folder.parents):
        if not group.is_relative_to(root):
            break
        try:
            texts.append((group / name).read_text().strip())
        except OSError:
            continue
    return texts


def disk(path: Path) -> Disk | None:
    """What the kernel says of the device below; None where it does not know.

    A virtual disk that says it turns often does not: virtio says so of everything.
    """
    try:
        device = path.stat().st_dev
    except OSError:
        return None
    block = (_SYS / "dev/block" / f"{os.major(device)}:{os.minor(device)}").resolve()
    # Of a partition the queue is that of the whole disk, one folder above.
    for folder in (block, block.parent):
        try:
            turns = (folder / "queue/rotational").read_text().strip() == "1"
        except OSError:
            continue
        if not turns:
            return "ssd"
        return None if re.match(r"(vd|xvd|dm-|md|loop|nbd|rbd)", folder.name) else "hdd"
    return None


def _free(path: Path) -> int | None:
    """Bytes that may be written there; pg_wal may be a link to another volume."""
    try:
        volume = os.statvfs(path)
    except OSError:
        return None
    return volume.f_bavail * volume.f_frsize
