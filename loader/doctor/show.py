"""Findings as text for a person, as JSON, and as a Nagios plugin says them."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from loader.doctor.finding import FAIL, OK, SKIP, WARN, Finding, Measure
from loader.doctor.table import CHECKS

_WIDTH = 80
_NAME = 2 + max(len(check.name) for check in CHECKS)
_STATUS = 6

# Exit codes of the plugins of Nagios.
_NAGIOS = {OK: 0, WARN: 1, FAIL: 2, SKIP: 3}
_NAGIOS_WORDS = {OK: "OK", WARN: "WARNING", FAIL: "CRITICAL", SKIP: "UNKNOWN"}


def worst(findings: Sequence[Finding]) -> str:
    """OK, WARN, FAIL; or SKIP when there was nothing to look at."""
    return max((one.status for one in findings if one.status != SKIP), key=_rank, default=SKIP)


def text(findings: Sequence[Finding]) -> str:
    """A line for each, longer ones folded; a hint below what is not well."""
    return "\n".join(line for one in findings for line in _lines(one))


def as_json(findings: Sequence[Finding]) -> dict[str, object]:
    """Everything, for programs."""
    titles = {check.name: check.title for check in CHECKS}
    return {
        "schema": "amo-doctor/1",
        "status": worst(findings),
        "checks": [
            {
                "name": one.name,
                "status": one.status,
                "title": titles[one.name],
                "detail": one.detail,
                "hint": one.hint or None,
                "measures": {measure.name: measure.value for measure in one.measures},
            }
            for one in findings
        ],
    }


def nagios(findings: Sequence[Finding]) -> tuple[int, str]:
    """The exit code; a line with figures, then a line for each that is not well."""
    bad = sorted((one for one in findings if _rank(one.status)), key=lambda one: -_rank(one.status))
    names = " (" + ", ".join(one.name for one in bad) + ")" if bad else ""
    counted = f"{len(bad)} of {len(findings)}" if bad else str(len(findings))
    status = worst(findings)
    head = f"AMO {_NAGIOS_WORDS[status]} - {counted} checks{names}"
    measures = " ".join(_measure(measure) for one in findings for measure in one.measures)
    shown = bad if status != SKIP else findings
    lines = [f"{one.status} {one.name}: {one.detail}" for one in shown]
    plain = [" ".join(line.replace("|", "/").split()) for line in (head, *lines)]
    first = f"{plain[0]} | {measures}" if measures else plain[0]
    return _NAGIOS[status], "\n".join([first, *plain[1:]])


def nagios_unknown(what: str) -> tuple[int, str]:
    """When not even the checks could be run."""
    return _NAGIOS[SKIP], "AMO UNKNOWN - " + " ".join(what.replace("|", "/").split())


def _rank(status: str) -> int:
    """SKIP is as good as OK: what it is about is told by another check."""
    return 0 if status == SKIP else _NAGIOS[status]


def _lines(one: Finding) -> list[str]:
    head = f"{one.status:<{_STATUS}}{one.name:<{_NAME}}"
    lines = _folded(one.detail, head)
    if one.hint and _rank(one.status):
        for index, line in enumerate(one.hint.splitlines()):
            lines += _folded(line, " " * _STATUS + ("HINT: " if index == 0 else " " * 6))
    return [line.rstrip() for line in lines]


def _folded(words: str, head: str) -> list[str]:
    indent = " " * len(head)
    plain = " ".join(words.split())
    return textwrap.wrap(
        plain, _WIDTH, initial_indent=head, subsequent_indent=indent, break_on_hyphens=False
    ) or [head]


def _measure(one: Measure) -> str:
    thresholds = "".join(f";{limit}" for limit in (one.warn, one.fail) if limit is not None)
    return f"{one.name}={one.value}{one.unit}{thresholds}"
