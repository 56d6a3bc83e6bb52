"""--help is a page of a manual: what it does, settings, exit codes, examples, on 80 columns."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support import docs
from tests.support.commands import ROOT
from tests.support.docs import GUIDES
from tests.support.helps import helps, options

# Options of other programs that our pages name.
FOREIGN = {
    "--create-home", "--encoding", "--exclude-table-data", "--exit-on-error", "--home-dir",
    "--no-owner", "--no-privileges", "--no-unlogged-table-data", "--now", "--shell",
    "--system", "--template",
}  # fmt: skip


def test_every_command_has_a_page() -> None:
    """Synopsis, settings, exit codes and examples, and nothing wider than a terminal."""
    poor = []
    for name, text in helps().items():
        parts = ("Usage: ", "\n  Settings: ", "\n  Exit: ", "\n  Examples:\n", "\nOptions:\n")
        poor += [(name, part.strip()) for part in parts if part not in text]
        poor += [(name, line) for line in text.splitlines() if len(line) > 80]

    assert poor == [], "\n".join(map(str, poor))


def test_every_command_has_its_file() -> None:
    """bin/load is `amo load`, and no command is reached one way only."""
    files = {path.name for path in (ROOT / "bin").iterdir() if not path.name.startswith(".")}

    assert {name for name in helps() if " " not in name} == files - {"test"}


def test_examples_name_options_that_exist() -> None:
    """Each example of a page is a command as somebody may type it."""
    examples = [
        line.strip()
        for text in helps().values()
        for line in text.partition("\n  Examples:\n")[2].partition("\n\n")[0].splitlines()
    ]

    assert len(examples) > len(helps())
    wrong = [line for line in examples if unknown(line)]
    assert wrong == [], "\n".join(wrong)


@pytest.mark.parametrize("page", GUIDES, ids=docs.name)
def test_options_exist(page: Path) -> None:
    """An option beside a command is one of that command; alone it is one of any command."""
    spans = docs.spans(page)
    alone = {span for span in spans if re.match(r"--[a-z]", span)}
    everything = FOREIGN.union(*map(options, helps().values()))

    wrong = [span for span in spans if unknown(span)]
    wrong += sorted(set().union(*map(options, alone)) - everything)
    assert wrong == [], "\n".join(wrong)


def unknown(line: str) -> set[str]:
    """Options in it that the command before them does not have."""
    missing: set[str] = set()
    for part in re.split(r"[|;&]+|  #", line):
        if called := re.search(r"bin/([a-z]+)((?: [a-z]+)?)", part):
            name = called[1] + called[2] if called[1] + called[2] in helps() else called[1]
            if name in helps():
                missing |= options(part[called.end() :]) - taken(name)
    return missing


def taken(name: str) -> set[str]:
    """The options of a command; of bin/tune, which does nothing by itself, of all below it."""
    text = helps()[name]
    if " COMMAND [ARGS]" in text:
        text += "".join(more for below, more in helps().items() if below.startswith(f"{name} "))
    return options(text)
