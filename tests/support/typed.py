"""Corpora of what people type: lines of fields separated by tabs, in tests/data."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.support.commands import ROOT


def lines(name: str) -> Iterator[list[str]]:
    r"""The fields of each line that is no comment; \n, \t and \u0041 stand for characters."""
    text = (ROOT / "tests" / "data" / name).read_text(encoding="utf-8")
    for line in text.splitlines():
        if line and not line.startswith("# "):
            yield [_unescaped(field) for field in line.split("\t")]


def _unescaped(field: str) -> str:
    plain = field.replace(r"\n", "\n").replace(r"\t", "\t")
    return re.sub(r"\\u([0-9a-f]{4})", lambda match: chr(int(match[1], 16)), plain)
