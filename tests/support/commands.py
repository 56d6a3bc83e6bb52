"""Running the files of bin/ as a DBA or cron would."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loader.settings import NAMES

ROOT = Path(__file__).resolve().parents[2]

# What must not leak from the shell of a developer into a test.
_FOREIGN = {f"AMO_{name.upper()}" for name in NAMES if name != "home"}


@dataclass(frozen=True, slots=True)
class Result:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True, slots=True)
class Commands:
    """The commands with one environment."""

    environment: dict[str, str] = field(default_factory=dict)

    def full_environment(self, **more: str) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if name not in _FOREIGN and not name.startswith("PG")
        }
        return kept | self.environment | more

    def run(self, command: str, *arguments: str, **more: str) -> Result:
        """Run bin/command to its end; keyword arguments are environment variables."""
        done = subprocess.run(
            [ROOT / "bin" / command, *arguments],
            env=self.full_environment(**more),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def ok(self, command: str, *arguments: str, **more: str) -> Result:
        """Run it and insist on exit code 0."""
        result = self.run(command, *arguments, **more)
        assert result.code == 0, result.err
        return result

    def start(self, command: str, *arguments: str, **more: str) -> subprocess.Popen[str]:
        """Start bin/command and do not wait."""
        return subprocess.Popen(
            [ROOT / "bin" / command, *arguments],
            env=self.full_environment(**more),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
