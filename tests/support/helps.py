"""What the commands say of themselves with --help."""

from __future__ import annotations

import re
from functools import cache

from tests.support.commands import ROOT, Commands

# Not commands of ours for a DBA: everything else in bin/ is one.
_DEVELOPERS = {"test"}


@cache
def helps() -> dict[str, str]:
    """--help of every command and its subcommands, by its name: `tune apply`."""
    found: dict[str, str] = {}
    waiting = [
        path.name
        for path in sorted((ROOT / "bin").iterdir())
        if not path.name.startswith(".") and path.name not in _DEVELOPERS
    ]
    while waiting:
        name = waiting.pop(0)
        found[name] = Commands().ok(*name.split(), "--help").out
        _, _, listed = found[name].partition("\nCommands:\n")
        waiting += [f"{name} {one}" for one in re.findall(r"(?m)^  ([a-z-]+)  ", listed)]
    return found


def options(text: str) -> set[str]:
    """The long options of a help text, or of a line that somebody types."""
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text))
