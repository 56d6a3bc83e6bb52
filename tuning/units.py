"""Values of settings with their units, as postgresql.conf spells them: 2GB, 15min, 0.9, on.

A number stands for bytes where the unit is one of memory, for milliseconds where it is one of
time, and for itself where there is none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_KB = 1024
# Largest first. PostgreSQL's own spelling; units are case-sensitive there.
_MEMORY = {"TB": _KB**4, "GB": _KB**3, "MB": _KB**2, "kB": _KB, "B": 1}
_TIME_US = {
    "d": 86_400_000_000,
    "h": 3_600_000_000,
    "min": 60_000_000,
    "s": 1_000_000,
    "ms": 1000,
    "us": 1,
}
_TIME = {unit: microseconds / 1000 for unit, microseconds in _TIME_US.items()}
_TRUE = frozenset(("on", "true", "yes", "1"))
_FALSE = frozenset(("off", "false", "no", "0"))

GB = _MEMORY["GB"]
MB = _MEMORY["MB"]
KB = _MEMORY["kB"]

# Below this difference a value is left alone, as timescaledb-tune does.
TOLERANCE = 0.05


@dataclass(frozen=True, slots=True)
class Kind:
    """What pg_settings says of a setting: vartype, and unit or None."""

    vartype: str
    unit: str | None = None

    @property
    def is_number(self) -> bool:
        return self.vartype in ("integer", "real")

    @property
    def is_memory(self) -> bool:
        return self._split()[1] in _MEMORY

    def number(self, text: str) -> float:
        """2GB, 30s or a plain number in the unit of the setting. Raises ValueError."""
        value, unit = _split(text)
        if unit:
            if unit not in (_MEMORY if self.is_memory else _TIME) or self.unit is None:
                raise ValueError(f"{unit!r} is no unit of this setting")
            return value * _factor(unit)
        # -1 means "take another setting" or "off", whatever the unit.
        return value if value < 0 else value * self._scale()

    def same(self, one: str, other: str) -> bool:
        """Equal, or a number less than 5 % apart."""
        if not self.is_number:
            return self.normal(one) == self.normal(other)
        left, right = self.number(one), self.number(other)
        if left < 0 or right < 0:
            return left == right
        return abs(left - right) <= TOLERANCE * max(left, right)

    def normal(self, text: str) -> str:
        """One spelling of values that are no numbers; PostgreSQL ignores their case."""
        lower = text.lower()
        if self.vartype == "bool" or lower in ("true", "false"):
            return "on" if lower in _TRUE else "off" if lower in _FALSE else lower
        return lower

    def show(self, text: str) -> str:
        """As SHOW prints it: in the largest unit that leaves no fraction."""
        if not self.is_number:
            return self.normal(text) if self.vartype in ("bool", "enum") else text
        number = self.number(text)
        if number < 0 or self.unit is None:
            return _plain(number)
        return memory(int(number)) if self.is_memory else duration(number)

    def _split(self) -> tuple[float, str]:
        """8kB is a unit of pg_settings, and other builds have 4kB or 32kB."""
        match = re.fullmatch(r"(\d*)(\w*)", self.unit or "")
        return (float(match[1] or 1), match[2]) if match else (1.0, "")

    def _scale(self) -> float:
        count, unit = self._split()
        return count * _factor(unit) if unit else 1.0


def memory(size: int) -> str:
    """Bytes as PostgreSQL writes them: exact, hence 1984MB and not 1.9GB."""
    return _largest(size, _MEMORY) if size else "0"


def duration(milliseconds: float) -> str:
    """Milliseconds likewise: 15min."""
    return _largest(round(1000 * milliseconds), _TIME_US) if milliseconds else "0"


def rounded(size: float) -> str:
    """Bytes for a person: 7.7 GB."""
    for unit, factor in _MEMORY.items():
        if size >= factor:
            value = size / factor
            return f"{value:.0f} {unit}" if value >= 100 or unit == "B" else f"{value:.3g} {unit}"
    return "0 B"


def counted(number: int, what: str) -> str:
    """1 file, 2 files."""
    return f"{number:,} {what}" + "s" * (number != 1)


def size_of(text: str) -> int:
    """Bytes of what a person types: 8GB, 7.5 GB, 512M. Raises ValueError.

    Without a unit it is refused: 8 may be meant as GB and would be bytes.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([kmgt])(?:i?b)?\s*", text, re.IGNORECASE)
    size = int(float(match[1]) * _KB ** (" kmgt".index(match[2].lower()))) if match else 0
    if not size:
        raise ValueError(f"{text!r} is not a size such as 8GB or 512MB")
    return size


def round_down(size: float, step: int) -> int:
    """The largest multiple of step that is not above size, at least one step."""
    return max(int(size // step), 1) * step


def _split(text: str) -> tuple[float, str]:
    match = re.fullmatch(r"\s*(-?\d+(?:\.\d*)?(?:[eE][-+]?\d+)?)\s*([A-Za-z]*)\s*", text)
    if not match:
        raise ValueError(f"{text!r} is not a number")
    return float(match[1]), match[2]


def _factor(unit: str) -> float:
    return float(_MEMORY[unit] if unit in _MEMORY else _TIME[unit])


def _largest(amount: int, units: dict[str, int]) -> str:
    """In the largest unit that leaves no fraction; the smallest is 1."""
    return next(f"{amount // size}{unit}" for unit, size in units.items() if amount % size == 0)


def _plain(number: float) -> str:
    return str(int(number)) if number == int(number) else repr(number)
