"""What the commands say of themselves with --help."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from functools import cache

from tests.support.commands import ROOT

# One process for all of them; main() is what knows the commands.
_SAY = """
import json, sys
from loader.cli import main

sys.argv = ["amo", "--version"]
main.main()

def walk(command, name, context):
    for below, found in getattr(command, "commands", {}).items():
        own = found.make_context(below, [], parent=context, resilient_parsing=True)
        yield f"{name} {below}".strip(), found.get_help(own)
        yield from walk(found, f"{name} {below}".strip(), own)

root = main.cli.make_context("amo", [], resilient_parsing=True)
print(json.dumps(dict(walk(main.cli, "", root))))
"""


@cache
def helps() -> dict[str, str]:
    """The help of every command and its subcommands, by its name: `tune apply`."""
    said = subprocess.run(
        [sys.executable, "-c", _SAY], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    found: dict[str, str] = json.loads(said.splitlines()[-1])
    return found


def options(text: str) -> set[str]:
    """The long options of a help text, or of a line that somebody types."""
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text))
