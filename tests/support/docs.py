"""What the pages of the documentation promise: commands, options, links and tests."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.commands import ROOT

# Pages with commands for people; the others are checked for links only.
GUIDES = sorted(
    path
    for pattern in ("README*.md", "CONTRIBUTING.md", "docs/*.md", "contrib/README.md")
    for path in ROOT.glob(pattern)
)
_SKIPPED = {".venv", ".venv-dev", ".git", "node_modules", ".pytest_cache"}


@dataclass(frozen=True, slots=True)
class Typed:
    """A command of a console block; `text` may have several lines."""

    line: int
    text: str


def pages() -> list[Path]:
    """All Markdown of the checkout."""
    return sorted(
        path for path in ROOT.rglob("*.md") if not _SKIPPED & set(path.relative_to(ROOT).parts)
    )


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def typed(path: Path) -> list[Typed]:
    """What stands behind `$ ` in the console blocks of a page, with here-documents."""
    return [
        command for first, block in _blocks(path, "console") for command in _commands(first, block)
    ]


def bare(command: Typed) -> str:
    """The command without what is said about it in its line."""
    return re.sub(r"\s+# .*", "", command.text)


def _blocks(path: Path, language: str) -> Iterator[tuple[int, list[str]]]:
    """(number of its first line, lines) of each fenced block."""
    block: list[str] | None = None
    first, is_open = 0, False
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith("```"):
            if block is not None:
                yield first, block
            block = [] if not is_open and line == f"```{language}" else None
            first, is_open = number + 1, not is_open
        elif block is not None:
            block.append(line)


def _commands(first: int, block: list[str]) -> Iterator[Typed]:
    lines = iter(enumerate(block, first))
    for number, line in lines:
        if not line.startswith("$ "):
            continue  # what it prints
        text = line.removeprefix("$ ")
        while text.endswith("\\"):
            text += "\n" + next(lines)[1].removeprefix("> ")
        if end := re.search(r"<<'(\w+)'", text):
            body = ""
            while body != end[1]:
                body = next(lines)[1]
                text += "\n" + body
        yield Typed(number, text)


def prose(path: Path) -> str:
    """The page without its fenced blocks."""
    return re.sub(r"(?ms)^```.*?^```", "", path.read_text(encoding="utf-8"))


def spans(path: Path) -> list[str]:
    """What is set in `code`, and the lines of the fenced blocks."""
    text = path.read_text(encoding="utf-8")
    fenced = re.findall(r"(?ms)^```[^\n]*\n(.*?)^```", text)
    return re.findall(r"`([^`\n]+)`", prose(path)) + [
        line for block in fenced for line in block.splitlines()
    ]


def links(path: Path) -> list[str]:
    """Where the page points to inside of the checkout."""
    targets = re.findall(r"\]\(([^)\s]+)\)", prose(path))
    return [target for target in targets if not re.match(r"[a-z]+:", target)]


def anchors(path: Path) -> set[str]:
    """The anchors that GitHub makes of the headings."""
    found: dict[str, int] = {}
    for heading in re.findall(r"(?m)^#{1,6} +(.+?) *#*$", prose(path)):
        slug = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        found[slug] = found.get(slug, -1) + 1
    return {
        slug if number == 0 else f"{slug}-{number}"
        for slug, times in found.items()
        for number in range(times + 1)
    }
