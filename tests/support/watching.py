"""What others on the machine and on the server see of a command while it runs."""

from __future__ import annotations

import subprocess
import threading
from dataclasses import dataclass

from loader import db
from tests.support.commands import Commands

_ACTIVITY = "SELECT pid || application_name || query FROM pg_stat_activity"


@dataclass(frozen=True, slots=True)
class Watched:
    """How a command ended, what it said, and all that was seen of it meanwhile."""

    code: int
    said: str
    processes: str
    activity: str


def watch(commands: Commands, *arguments: str, but: int, dsn: str, **more: str) -> Watched:
    """Run a command to its end; `but` is the process that is no business of ours.

    dsn: where pg_stat_activity can be seen.
    """
    running = commands.start(*arguments, **more)
    seen: set[str] = set()
    active: set[str] = set()
    is_over = threading.Event()

    def look() -> None:
        with db.connect(dsn, command="test") as connection:
            while not is_over.is_set():
                active.update(str(row[0]) for row in connection.execute(_ACTIVITY))
                listed = subprocess.run(
                    ["ps", "axww", "-o", "pid=,args="], capture_output=True, text=True, check=True
                ).stdout
                seen.update(line for line in listed.splitlines() if int(line.split()[0]) != but)

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        out, err = running.communicate(timeout=120)
    finally:
        is_over.set()
        watcher.join()
    return Watched(running.returncode, out + err, "\n".join(seen), "\n".join(active))
