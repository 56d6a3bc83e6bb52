"""From a situation to advice: pure, no question is asked of anybody here."""

from __future__ import annotations

from tuning import advice_memory, advice_planner, advice_ram, advice_tables, advice_wal
from tuning.situation import Advice, LeftOut, Recommendation, Situation
from tuning.units import rounded


def advise(situation: Situation, ram_to: int | None = None) -> Advice:
    """All recommendations for a server. ram_to: the RAM to compare with, bytes."""
    findings = [
        *advice_memory.advise(situation),
        *advice_wal.advise(situation),
        *advice_planner.advise(situation),
        *advice_tables.advise(situation),
    ]
    return Advice(
        tuple(found for found in findings if isinstance(found, Recommendation)),
        tuple(found for found in findings if isinstance(found, LeftOut)),
        (
            *advice_memory.remarks(situation),
            *advice_wal.remarks(situation),
            *_temp_file_limit(situation),
        ),
        advice_ram.advise(situation, ram_to),
    )


def _temp_file_limit(situation: Situation) -> list[str]:
    limit, json_bytes = situation.temp_file_limit_bytes, situation.measured.load_json_bytes
    if limit is None or json_bytes is None or limit >= 2 * json_bytes:
        return []
    return [
        f"temp_file_limit is {rounded(limit)}: a transform of the last load, {rounded(json_bytes)} "
        "of JSON, may need more where it spills, and would fail."
    ]
