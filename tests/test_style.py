"""Rules of the house that no linter knows."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from loader import sqlfiles
from loader.streams import STREAMS
from tests.support.commands import ROOT

TRACKED = [
    Path(line)
    for line in subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    if (ROOT / line).is_file()
]
SQL = [path for path in TRACKED if path.suffix == ".sql"]
SOURCES = [path for path in TRACKED if path.suffix in (".py", ".sql") and path.parts[0] != "tests"]


@pytest.mark.parametrize("path", SQL, ids=str)
def test_sql_file_says_what_it_is_for(path: Path) -> None:
    """Line 1 is the purpose; what writes also says what, and whether it may run again."""
    text = (ROOT / path).read_text(encoding="utf-8")

    assert text.startswith("-- Purpose: ")
    if path.parts[1] in ("migrations", "transforms"):
        assert "\n-- Writes:  " in text
        assert "\n-- Re-run:  " in text
    if path.parts[1] == "transforms":
        assert re.search(r"^-- Version: \d+$", text, re.MULTILINE)
        assert "\n-- Reads:   " in text
    assert not re.search(r"^\\|^(BEGIN|COMMIT);|^SET (?!LOCAL).*;$", text, re.MULTILINE)


def test_files_are_read_in_one_sitting() -> None:
    """At most 250 lines each."""
    long = {
        str(path): lines
        for path in SOURCES
        if (lines := len((ROOT / path).read_text(encoding="utf-8").splitlines())) > 250
    }

    assert long == {}


def test_every_entity_has_its_room_in_every_step() -> None:
    """The same stem in migration, normalise and merge: git ls-files | grep finds all of it."""
    normalise = {file.stem for file in sqlfiles.find("transforms/2_normalise")}
    merge = {file.stem for file in sqlfiles.find("transforms/3_merge")}
    migrations = {file.stem[5:].removeprefix("create_") for file in sqlfiles.find("migrations")}

    assert normalise == merge
    assert normalise <= migrations
    assert {file.stem for file in sqlfiles.find("transforms/4_derive")} <= migrations - normalise
    # What lies in the trash is kept as it came.
    assert {stream.entity for stream in STREAMS} - {"trash"} <= normalise


def test_nothing_of_one_machine_is_in_the_tree() -> None:
    """No absolute path of somebody's checkout or home."""
    pattern = re.compile(r"/(?:home|root|Users)/\w")
    found = [
        str(path)
        for path in TRACKED
        if path.suffix in (".py", ".sql", ".md", ".toml", "", ".sh")
        and path.name not in ("test_style.py", "LICENSE")
        and pattern.search((ROOT / path).read_text(encoding="utf-8"))
    ]

    assert found == []
