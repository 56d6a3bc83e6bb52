"""Advice ready to paste: lines of postgresql.conf, or statements for psql."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from itertools import groupby

from tuning.collect import Server
from tuning.compare import Row
from tuning.situation import LOADER, SERVER, Advice

_WIDTH = 80


def conf(server: Server, advice: Advice, rows: list[Row]) -> str:
    """A file for postgresql.conf's include; what it cannot say stands in comments."""
    lines = [
        *_head(server, "#"),
        "# Include it last: include 'amo.conf'. Then reload; restart where said.",
    ]
    for row in _wanted(rows, SERVER):
        lines += ["", *_why(server, row, "#")]
        lines.append(f"{'' if row.is_ready else '#'}{row.advice.name} = {row.advice.wanted}")
    others = [*_loader(server, rows), *_tables(rows)]
    if others:
        lines += ["", "# Not for this file: bin/tune advise --format sql has them as statements."]
        lines += [f"# {line}" for line in others if not line.startswith("--")]
    return "\n".join([*lines, *_left_out(advice, "#")])


def sql(server: Server, advice: Advice, rows: list[Row]) -> str:
    """Statements for psql; ALTER SYSTEM runs in no transaction."""
    lines = _head(server, "--")
    wanted = list(_wanted(rows, SERVER))
    for row in wanted:
        lines += ["", *_why(server, row, "--")]
        statement = f"ALTER SYSTEM SET {row.advice.name} = '{row.advice.wanted}';"
        lines.append(statement if row.is_ready else f"-- {statement}")
    if any(row.is_ready for row in wanted):
        lines += ["", "SELECT pg_reload_conf();"]
    restart = [row.advice.name for row in wanted if row.is_ready and row.advice.effect == "restart"]
    if restart:
        lines += _comment(f"Then restart the server: {', '.join(restart)}.", "--")
    lines += _loader(server, rows)
    lines += _tables(rows)
    return "\n".join([*lines, *_left_out(advice, "--")])


def _head(server: Server, mark: str) -> list[str]:
    text = f"Advice of bin/tune for PostgreSQL {server.version}. Only what should change is here."
    if server.rights.service:
        found = server.rights.service
        text += f" This is {found.name} ({found.evidence}): values belong into {found.place}."
    return _comment(text, mark)


def _wanted(rows: Iterable[Row], scope: str) -> Iterator[Row]:
    return (row for row in rows if row.advice.scope == scope and not row.is_fine)


def _why(server: Server, row: Row, mark: str) -> list[str]:
    text = f"{row.advice.reason} Now {row.current} ({row.origin})."
    if row.advice.effect == "restart":
        text += " Needs a restart."
    if row.advice.by_hand:
        text += " To be decided by hand."
    if row.hurdle:
        text += f" Note: {row.hurdle.text}."
    for found in server.overrides:
        if found.name == row.advice.name:
            text += f" It stays {found.value} for {found.whose}, whatever the server has."
    return _comment(text, mark)


def _loader(server: Server, rows: list[Row]) -> list[str]:
    lines: list[str] = []
    for row in _wanted(rows, LOADER):
        lines += ["", *_comment(row.advice.reason, "--")]
        lines += _comment("For the role that runs bin/transform; here, the one that asked.", "--")
        lines += [
            f"ALTER ROLE {_quoted(server.rights.role)} IN DATABASE {_quoted(server.database)}",
            f"    SET {row.advice.name} = '{row.advice.wanted}';",
        ]
    return lines


def _tables(rows: list[Row]) -> list[str]:
    wanted = [row for row in rows if row.advice.effect == "table" and not row.is_fine]
    lines: list[str] = []
    for table, group in groupby(wanted, key=lambda row: row.advice.scope):
        of_table = list(group)
        note = of_table[0].hurdle
        text = of_table[0].advice.reason + (f" Note: {note.text}." if note else "")
        options = ",\n".join(f"    {row.advice.name} = {row.advice.wanted}" for row in of_table)
        lines += [
            "",
            *_comment(text, "--"),
            f"ALTER TABLE {table} SET (",
            *options.splitlines(),
            ");",
        ]
    return lines


def _left_out(advice: Advice, mark: str) -> list[str]:
    lines = [
        line
        for found in advice.left_out
        for line in _comment(f"{found.name} is left out, for want of {found.lacking}.", mark)
    ]
    return ["", *lines] if lines else []


def _comment(text: str, mark: str) -> list[str]:
    prefix = f"{mark} "
    return textwrap.wrap(
        text, _WIDTH, initial_indent=prefix, subsequent_indent=prefix, break_on_hyphens=False
    )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
