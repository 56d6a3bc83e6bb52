"""Advice for a person, 80 columns wide."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from itertools import groupby

from tuning.collect import Server
from tuning.compare import Row
from tuning.situation import LOADER, Advice, RamUpgrade
from tuning.units import counted, rounded

_WIDTH = 80


def text(server: Server, advice: Advice, rows: list[Row]) -> str:
    """What the server is, what should change and why, what is fine, what is not known."""
    return "\n\n".join(
        filter(
            None,
            (
                "\n".join([*_server(server), *_measured(server)]),
                _changes([row for row in rows if not row.is_fine and row.advice.effect != "table"]),
                _tables([row for row in rows if not row.is_fine and row.advice.effect == "table"]),
                _fine([row for row in rows if row.is_fine]),
                _left_out(server, advice),
                _list("to know", [*_overrides(server, rows), *advice.remarks]),
                _ram(advice.ram_upgrade),
            ),
        )
    )


def _server(server: Server) -> list[str]:
    known, origins, rights = server.situation, server.origins, server.rights
    parts = [
        f"RAM {rounded(known.ram_bytes)} ({origins['ram']})" if known.ram_bytes else "",
        f"{counted(known.cpus, 'CPU')} ({origins['cpus']})" if known.cpus else "",
        f"{known.disk} ({origins['disk']})" if known.disk else "",
        f"{rounded(known.wal_space_bytes)} for WAL ({origins['wal_space']})"
        if known.wal_space_bytes
        else "",
    ]
    lines = _wrapped(
        f"PostgreSQL {server.version}, database {server.database}, role {rights.role}"
        + (" (superuser)" if rights.is_superuser else "")
    )
    if rights.service:
        lines += _wrapped(f"{rights.service.name}: {rights.service.evidence}")
    return lines + _wrapped(", ".join(filter(None, parts)))


def _measured(server: Server) -> list[str]:
    measured = server.situation.measured
    share = measured.hit_share
    database = server.situation.database_bytes
    parts = [
        f"database {rounded(database)}" if database else "",
        f"last full load {rounded(measured.load_json_bytes)} of JSON"
        if measured.load_json_bytes
        else "",
        f"last transform {rounded(measured.transform_wal_bytes)} of WAL, the largest"
        f" {rounded(measured.most_wal_bytes or 0)}"
        if measured.transform_wal_bytes is not None
        else "",
        f"cache hits {100 * share:.1f} %" if share is not None else "",
        f"{counted(measured.temp_files, 'temporary file')} ({rounded(measured.temp_bytes)})",
    ]
    return _wrapped(", ".join(filter(None, parts)))


def _changes(rows: list[Row]) -> str:
    """One line a setting, and why below it."""
    if not rows:
        return "No setting should change."
    cells = [
        (_name(row), row.current, row.advice.wanted, row.origin + "*" * row.is_pending,
         row.advice.effect)
        for row in rows
    ]  # fmt: skip
    head = ("setting", "current", "wanted", "current value from", "takes")
    lines = _columns(head, cells)
    shown = [lines[0], "-" * _WIDTH]
    for line, row in zip(lines[1:], rows, strict=True):
        shown += [line, *_wrapped(f"{row.advice.reason} [{row.advice.source}]", "    ")]
        if row.advice.by_hand:
            shown += _wrapped("! to be decided by hand, not in conf or sql", "    ")
        if row.hurdle:
            shown += _wrapped(f"! {row.hurdle.text}", "    ")
    if any(row.is_pending for row in rows):
        shown.append("* another value waits for a restart")
    return "\n".join(shown)


def _columns(head: tuple[str, ...], cells: Sequence[tuple[str, ...]]) -> list[str]:
    """All left-aligned: values of settings are no numbers to be added."""
    widths = [max(map(len, column)) for column in zip(head, *cells, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (head, *cells)
    ]


def _name(row: Row) -> str:
    return f"{row.advice.name} (loader)" if row.advice.scope == LOADER else row.advice.name


def _tables(rows: list[Row]) -> str:
    """Several options of one table are one line."""
    if not rows:
        return ""
    lines = []
    for name, group in groupby(rows, key=lambda row: row.advice.scope):
        options = list(group)
        wanted = options[0].advice.wanted
        names = ", ".join(row.advice.name.removeprefix("autovacuum_") for row in options)
        lines += _wrapped(f"{name}: {names} {wanted} instead of {options[0].current}", "  ")
        if note := options[0].hurdle:
            lines += _wrapped(f"! {note.text}", "    ")
    reason = rows[0].advice.reason.partition(". ")[2]
    return "\n".join(["autovacuum of large tables", *lines, *_wrapped(reason, "    ")])


def _fine(rows: Iterable[Row]) -> str:
    """In one go; of tables only those that are not all fine are worth a word."""
    names = [f"{_name(row)} {row.current}" for row in rows if row.advice.effect != "table"]
    if not names:
        return ""
    return "\n".join(_wrapped(f"fine, as good or less than 5 % off: {', '.join(names)}"))


def _left_out(server: Server, advice: Advice) -> str:
    """By what is lacking: one flag often mends several."""
    by_lack: dict[str, list[str]] = {}
    for found in advice.left_out:
        by_lack.setdefault(found.lacking, []).append(found.name)
    lines = [f"{lacking}: {', '.join(names)}" for lacking, names in by_lack.items()]
    if lines and server.why_not_local:
        lines.append(f"this machine was not looked at: {server.why_not_local}")
    return _list("left out, for want of", lines)


def _overrides(server: Server, rows: list[Row]) -> list[str]:
    names = {row.advice.name for row in rows}
    return [
        f"{found.name} is {found.value} for {found.whose}, whatever the server has"
        for found in server.overrides
        if found.name in names
    ]


def _ram(upgrade: RamUpgrade | None) -> str:
    if upgrade is None:
        return ""
    head = f"more RAM: {rounded(upgrade.to_bytes)} instead of {rounded(upgrade.from_bytes)}"
    return "\n".join(
        filter(
            None,
            (
                _list(f"{head} would bring", upgrade.brings or ["nothing that was measured"]),
                _list("and would not bring", upgrade.brings_not),
            ),
        )
    )


def _list(head: str, lines: Iterable[str]) -> str:
    wrapped = [part for line in lines for part in _wrapped(f"- {line}", "  ", "    ")]
    return "\n".join([head, *wrapped]) if wrapped else ""


def _wrapped(line: str, first: str = "", rest: str | None = None) -> list[str]:
    return textwrap.wrap(
        line,
        _WIDTH,
        initial_indent=first,
        subsequent_indent=first if rest is None else rest,
        break_on_hyphens=False,
    )
