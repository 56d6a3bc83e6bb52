"""Advice beside what the server has: what is to be changed, what is fine, what is in the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tuning import service
from tuning import settings as reading
from tuning.service import Hurdle, Rights
from tuning.settings import Setting
from tuning.situation import LOADER, Advice, LeftOut, Recommendation, Table
from tuning.units import MB, TOLERANCE, Kind, memory

# What bin/transform makes of a smaller work_mem.
LOADER_FLOOR = 64 * MB


@dataclass(frozen=True, slots=True)
class Row:
    """One setting: what it is, what it should be, and where the value comes from."""

    advice: Recommendation
    current: str
    origin: str
    is_fine: bool
    is_pending: bool = False  # another value waits for a restart
    hurdle: Hurdle | None = None

    @property
    def is_ready(self) -> bool:
        """May it be pasted as it is? What is fine needs not, what is forbidden must not."""
        is_blocked = self.hurdle is not None and self.hurdle.is_final
        return not self.is_fine and not self.advice.by_hand and not is_blocked


def compare(
    advice: Advice,
    settings: Mapping[str, Setting],
    tables: Sequence[Table],
    rights: Rights,
) -> list[Row]:
    """In the order of the advice; a setting that this server does not have is left out."""
    by_name = {table.name: table for table in tables}
    return [
        _of_table(found, by_name[found.scope], settings[found.name])
        if found.effect == "table"
        else _of_server(found, settings[found.name], rights)
        for found in advice.recommendations
        if found.name in settings and not _is_hidden(found, settings[found.name])
    ]


def hidden(advice: Advice, settings: Mapping[str, Setting]) -> list[LeftOut]:
    """What cannot be compared: ALTER ROLE and the like hide it, and the role may read no file."""
    return [
        LeftOut(
            found.name,
            f"the server's own value, hidden by {reading.origin(settings[found.name].source)}: "
            "ask as a superuser",
        )
        for found in advice.recommendations
        if found.name in settings and _is_hidden(found, settings[found.name])
    ]


def _is_hidden(advice: Recommendation, setting: Setting) -> bool:
    return advice.scope != LOADER and setting.is_hidden


def is_fine(advice: Recommendation, kind: Kind, current: str) -> bool:
    """Less than 5 % off, or among what is as good."""
    if kind.same(current, advice.wanted):
        return True
    if not kind.is_number:
        return kind.normal(current) in advice.also
    if advice.low is None and advice.high is None:
        return False
    value = kind.number(current)
    return (
        value >= 0
        and (advice.low is None or value >= kind.number(advice.low) * (1 - TOLERANCE))
        and (advice.high is None or value <= kind.number(advice.high) * (1 + TOLERANCE))
    )


def _of_server(advice: Recommendation, setting: Setting, rights: Rights) -> Row:
    current, origin, hurdle = setting.value, setting.origin, None
    if advice.scope == LOADER:
        current, origin = setting.in_session, reading.origin(setting.session_source)
        if setting.kind.number(current) < LOADER_FLOOR:
            current, origin = memory(LOADER_FLOOR), "bin/transform"
    else:
        hurdle = service.hurdle(advice.name, setting.context, setting.source, rights)
    return Row(
        advice,
        setting.kind.show(current),
        origin,
        is_fine(advice, setting.kind, current),
        setting.is_pending,
        hurdle,
    )


def _of_table(advice: Recommendation, table: Table, setting: Setting) -> Row:
    own = table.options.get(advice.name)
    current, origin = (setting.value, setting.origin) if own is None else (own, "ALTER TABLE")
    hurdle = None
    if not table.is_ours:
        hurdle = Hurdle(f"only the owner of {table.name} may", is_final=False)
    return Row(
        advice, setting.kind.show(current), origin, is_fine(advice, setting.kind, current), False,
        hurdle,
    )  # fmt: skip
