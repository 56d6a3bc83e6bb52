"""The SQL files: where they are, their purpose line and their checksum."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import psycopg

_PACKAGE = Path(__file__).parent
# In a wheel sql/ lies inside the package, in a checkout it stands beside it. In this order:
# beside an installed package there may be another one that is called sql.
ROOT = next(p for p in (_PACKAGE / "sql", _PACKAGE.parent / "sql") if p.is_dir())


@dataclass(frozen=True)
class SqlFile:
    """One file; its name is the path below sql/ without the suffix."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.relative_to(ROOT).with_suffix("").as_posix()

    @property
    def stem(self) -> str:
        return self.path.stem

    @cached_property
    def text(self) -> bytes:
        """The file with LF line ends, whatever the checkout made of them."""
        return self.path.read_bytes().replace(b"\r\n", b"\n")

    @cached_property
    def checksum(self) -> str:
        """SHA-256 of the text, hexadecimal."""
        return hashlib.sha256(self.text).hexdigest()

    def head(self, key: str) -> str:
        """One line of the comment at the top, for example head('Purpose')."""
        for line in self.text.decode().splitlines():
            if not line.startswith("--"):
                break
            name, _, value = line.removeprefix("--").strip().partition(":")
            if name == key:
                return value.strip()
        return ""

    def line_of(self, exc: psycopg.Error) -> str:
        """`file:line` of an error, for messages."""
        position = exc.diag.statement_position
        if position is None:
            return f"sql/{self.name}.sql"
        line = self.text.decode()[: int(position)].count("\n") + 1
        return f"sql/{self.name}.sql:{line}"


def find(*folders: str) -> list[SqlFile]:
    """All files of the folders, in the order of their names."""
    return [SqlFile(path) for folder in folders for path in sorted((ROOT / folder).glob("*.sql"))]
