"""bin/tune indexes: everything looked at, then in words and as a document."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from loader.db import Connection
from tuning import index_findings, index_missing, indexes, statements
from tuning.explain import Failed, Plan, look
from tuning.index_findings import YOUNG_DAYS, Finding
from tuning.indexes import Index, Updates
from tuning.statements import Statement
from tuning.units import counted, rounded

_WIDTH = 80
_TITLES = {
    "invalid": "invalid: they cost and serve nothing",
    "missing": "missing",
    "duplicate": "duplicate",
    "unused": "unused",
    "hot": "updates that write every index (not HOT)",
}
_BUSY, _TIMEOUT, _FORBIDDEN, _READ_ONLY = "55P03", "57014", "42501", "25006"
_LACKS = {
    _BUSY: "a table was locked, by a transform perhaps",
    _TIMEOUT: "planning took too long",
    _FORBIDDEN: "this role may not run them",
}

_STOPPED = {_TIMEOUT: "for they take longer than --timeout", _READ_ONLY: "for they write"}


@dataclass(frozen=True, slots=True)
class Report:
    """All that was found. chosen: statements of ours that take an index, by its name."""

    since: datetime | None
    days: float | None
    indexes: Sequence[Index]
    plans: Sequence[Plan]
    failed: Sequence[Failed]
    tables: Sequence[Updates]
    findings: Sequence[Finding]
    chosen: Counter[tuple[str, str]]
    usable: Counter[tuple[str, str]]

    @property
    def is_young(self) -> bool:
        return self.days is None or self.days < YOUNG_DAYS


def examine(
    connection: Connection, timeout_seconds: float, say: Callable[[str], None] = lambda line: None
) -> Report:
    """Plan, and run what only reads; each statement at most timeout_seconds."""
    plans: list[tuple[Statement, Plan]] = []
    failed: list[Failed] = []
    for statement in (*statements.of_files(connection), *statements.of_views(connection)):
        say(statement.source)
        found = look(connection, statement, timeout_seconds)
        if isinstance(found, Failed):
            failed.append(found)
        else:
            plans.append((statement, found))
    there = indexes.indexes(connection)
    wanted = index_missing.shipped()
    shipped = {index.key for index in wanted}
    chosen = Counter(name for _, plan in plans for name in plan.chosen)
    usable = Counter(name for _, plan in plans for name in plan.usable)
    since, days = indexes.since(connection)
    tables = indexes.updates(connection)
    findings = (
        *index_findings.invalid(connection, there),
        *index_missing.lost(wanted, there),
        *index_missing.gainful(connection, plans, there, timeout_seconds),
        *index_findings.duplicate(connection, there, indexes.covered(connection), shipped),
    )
    told = {finding.object for finding in findings}
    unused = index_findings.unused(connection, there, usable, shipped, days)
    return Report(
        since, days, there, [plan for _, plan in plans], failed, tables,
        (*findings, *(finding for finding in unused if finding.object not in told),
         *index_findings.hot(connection, tables, there)),
        chosen, usable,
    )  # fmt: skip


def document(report: Report) -> dict[str, object]:
    """The same for a program."""
    return {
        "schema": "amo-tune/indexes/1",
        "statistics": {
            "since": report.since.isoformat() if report.since else None,
            "days": report.days,
            "is_young": report.is_young,
        },
        "findings": [asdict(finding) for finding in report.findings],
        "indexes": [
            {
                "schema": index.schema, "table": index.table, "name": index.name,
                "definition": index.definition, "bytes": index.bytes, "scans": index.scans,
                "is_valid": index.is_valid, "is_unique": index.is_unique,
                "chosen_by": report.chosen[index.key], "usable_by": report.usable[index.key],
            }
            for index in report.indexes
        ],
        "statements": [
            {
                "source": plan.source, "cost": plan.cost, "ms": plan.ms, "blocks": plan.blocks,
                "stopped_by": plan.stopped_by, "chosen": sorted(map(".".join, plan.chosen)),
                "usable": sorted(map(".".join, plan.usable)),
            }
            for plan in report.plans
        ],
        "updates": [asdict(table) for table in report.tables],
        "left_out": [asdict(failed) for failed in report.failed],
    }  # fmt: skip


def text(report: Report, *, shows_all: bool = False) -> str:
    """What to do, what was left out; with shows_all each index and what takes it."""
    parts = [_findings(report.findings, kind) for kind in _TITLES]
    if not report.findings:
        parts.append("nothing to do: no index is missing, invalid, duplicate or known to be unused")
    return "\n\n".join(
        filter(
            None,
            ("\n".join(_head(report)), *parts, _left_out(report), _all(report) * shows_all),
        )
    )


def _head(report: Report) -> list[str]:
    run = sum(plan.ms is not None for plan in report.plans)
    size = rounded(sum(index.bytes for index in report.indexes))
    taken = sum(1 for index in report.indexes if report.chosen[index.key])
    usable = sum(1 for index in report.indexes if report.usable[index.key])
    lines = _wrapped(
        f"{counted(len(report.plans), 'statement')} of transforms, checks and mart planned, {run}"
        f" of them run; {len(report.indexes):,} indexes"
        f" ({size}): {taken} chosen, {usable - taken} more usable"
    )
    if report.days is None or report.since is None:
        return lines + _wrapped("unused indexes are not named: the statistics have no date")
    age = f"statistics since {report.since:%Y-%m-%d %H:%M} UTC, {report.days:.1f} days"
    if report.is_young:
        age += ": too young to call an index unused, 7 days are wanted"
    return lines + _wrapped(age)


def _findings(findings: Sequence[Finding], kind: str) -> str:
    lines = []
    for finding in findings:
        if finding.kind == kind:
            lines += _wrapped(f"{finding.object}: {finding.why}", "  ", "    ")
            # Not wrapped at 80: it is to be pasted. Names alone may be longer.
            lines += [part for line in finding.statements for part in _statement(line)]
    return "\n".join([_TITLES[kind], *lines]) if lines else ""


def _statement(line: str) -> list[str]:
    """Broken at spaces only outside of quotes; a comment stays on one line."""
    if len(line) <= _WIDTH or line.startswith("--"):
        return [line]
    head, on, rest = line.partition(" ON ")
    return [head, f"    ON {rest}"] if on else [line]


def _left_out(report: Report) -> str:
    """By what is lacking; a statement that cannot be planned is a finding of its own."""
    by_lack: dict[str, list[str]] = {}
    for failed in report.failed:
        lack = _LACKS.get(failed.sqlstate, failed.message)
        by_lack.setdefault(lack, []).append(failed.source.removeprefix("sql/transforms/"))
    lines = [
        f"- {lack}: {counted(len(sources), 'statement')} ({', '.join(sources[:3])}"
        + (", …)" if len(sources) > 3 else ")")
        for lack, sources in by_lack.items()
    ]
    for sqlstate in sorted({plan.stopped_by for plan in report.plans} - {""}):
        sources = [plan.source for plan in report.plans if plan.stopped_by == sqlstate]
        why = _STOPPED.get(sqlstate, f"running them fails with SQLSTATE {sqlstate}")
        lines.append(f"- planned but not run, {why}: {', '.join(sources)}")
    wrapped = [part for line in lines for part in _wrapped(line, "  ", "    ")]
    return "\n".join(["left out", *wrapped]) if wrapped else ""


def _all(report: Report) -> str:
    lines = ["all indexes: scans since then, statements of ours that take or could take it"]
    for index in report.indexes:
        lines += _wrapped(
            f"{index.schema}.{index.name}: {counted(index.scans, 'scan')}, {rounded(index.bytes)},"
            f" chosen by {report.chosen[index.key]}, usable by {report.usable[index.key]}",
            "  ", "    ",
        )  # fmt: skip
    return "\n".join(lines)


def _wrapped(line: str, first: str = "", rest: str | None = None) -> list[str]:
    return textwrap.wrap(
        line, _WIDTH, initial_indent=first,
        subsequent_indent=first if rest is None else rest, break_on_hyphens=False,
    )  # fmt: skip
