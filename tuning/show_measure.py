"""What was measured: for a person, 80 columns wide, and for a program."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from loader import report
from tuning import measure, units
from tuning.arms import AGAIN, BASELINE
from tuning.measure import Measured
from tuning.restaging import Load
from tuning.situation import LeftOut


@dataclass(frozen=True, slots=True)
class Result:
    """All of it. source: staging or sandbox."""

    version: str
    source: str
    load: Load
    rounds: int
    measured: Sequence[Measured]
    left_out: Sequence[LeftOut]


def text(result: Result) -> str:
    """Table, verdicts, what was not measured."""
    # Without what a distribution adds: 15.18 (Debian 15.18-0+deb12u1).
    version = result.version.split()[0]
    head = ("arm", "seconds", "ratio", "from to", "WAL MB", "temp MB")
    lines = [
        f"PostgreSQL {version}: first transform of {result.load.entities:,} entities, "
        f"{units.rounded(result.load.json_bytes)} of JSON",
        f"from {result.source}; final tables empty; {units.counted(result.rounds, 'round')} "
        "in turns, ratio to its two baselines",
        "",
        report.table(head, [_row(one) for one in result.measured]),
        "",
        *_wrap("baseline: " + ", ".join(_settings(result.measured[0])) + ", else as the server is"),
        *_wrap(_rows(result.measured)),
        *_verdicts(result),
        "",
        "not measured:",
        *(line for one in result.left_out for line in _wrap(f"{one.name}: {one.lacking}", "  ")),
    ]
    return "\n".join(lines)


def document(result: Result) -> dict[str, object]:
    """amo-tune/measure/1; seconds and bytes, one entry a round."""
    return {
        "schema": "amo-tune/measure/1",
        "server_version": result.version,
        "source": result.source,
        "entities": result.load.entities,
        "json_bytes": result.load.json_bytes,
        "rounds": result.rounds,
        "arms": [_arm(one) for one in result.measured],
        "not_measured": [{"name": one.name, "why": one.lacking} for one in result.left_out],
    }


def _arm(one: Measured) -> dict[str, object]:
    return {
        "name": one.arm.name,
        "settings": dict(one.arm.settings),
        "ratio": round(one.ratio, 4),
        "ratios": [round(ratio, 4) for ratio in one.ratios],
        "verdict": one.verdict,
        "seconds": [round(run.seconds, 3) for run in one.runs],
        "wal_bytes": [run.wal_bytes for run in one.runs],
        "temp_bytes": [run.temp_bytes for run in one.runs],
        "rows": [run.rows for run in one.runs],
    }


def _row(one: Measured) -> tuple[object, ...]:
    return (
        one.arm.name,
        f"{one.median('seconds'):.2f}",
        f"{one.ratio:.2f}",
        f"{min(one.ratios):.2f} {max(one.ratios):.2f}",
        f"{one.median('wal_bytes') / 1e6:.1f}",
        f"{one.median('temp_bytes') / 1e6:.1f}",
    )


def _settings(one: Measured) -> list[str]:
    return [f"{name} {value}" for name, value in one.arm.settings.items()]


def _rows(measured: Sequence[Measured]) -> str:
    """The result must not depend on a knob."""
    counts = sorted({run.rows for one in measured for run in one.runs})
    if len(counts) == 1:
        return f"each run wrote {counts[0]:,} rows"
    return f"the runs wrote {counts[0]:,} to {counts[-1]:,} rows: they did not do the same work"


def _verdicts(result: Result) -> list[str]:
    others = [one for one in result.measured if one.arm.name not in (BASELINE, AGAIN)]
    told = [
        f"{one.arm.name}: {abs(one.ratio - 1):.0%} {one.verdict}"
        for one in others
        if one.verdict != measure.NONE
    ]
    equal = [one.arm.name for one in others if one.verdict == measure.NONE]
    if result.rounds < 2:
        return _wrap("one round shows no spread, so that nothing can be told: --rounds 3")
    lines = [line for verdict in told for line in _wrap(verdict)]
    if equal:
        lines += _wrap(f"{measure.NONE}: {', '.join(equal)}")
    return lines


def _wrap(line: str, indent: str = "") -> list[str]:
    return textwrap.wrap(line, 80, initial_indent=indent, subsequent_indent=indent + "  ")
