"""What this process took from the machine: CPU time and memory."""

from __future__ import annotations

import re
import resource
import sys
from pathlib import Path


def cpu_seconds() -> float:
    """User and system time since the process began, the start of Python included."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def peak_rss_bytes() -> int:
    """The most memory that was resident at any moment.

    Not getrusage where Linux knows better: its maximum outlives exec, so that a loader that
    was started by a large program would claim the memory of that one.
    """
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        status = ""
    if match := re.search(r"^VmHWM:\s+(\d+) kB$", status, re.MULTILINE):
        return 1024 * int(match[1])
    # Kilobytes, but bytes on macOS.
    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
