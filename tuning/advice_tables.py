"""Autovacuum of the large final tables: sooner than after a fifth of their rows."""

from __future__ import annotations

from tuning.situation import Finding, Recommendation, Situation, Table

# (at least so many rows, scale factor)
_STEPS = ((1_000_000, "0.02"), (100_000, "0.05"))
OPTIONS = (
    "autovacuum_vacuum_scale_factor",
    "autovacuum_vacuum_insert_scale_factor",
    "autovacuum_analyze_scale_factor",
)


def advise(situation: Situation) -> list[Finding]:
    """One finding per option and table; none for small tables, where the defaults do."""
    return [
        finding
        for table in sorted(situation.tables, key=lambda table: table.name)
        for finding in _of(table)
    ]


def scale_factor(rows: float) -> str | None:
    """The share of rows after which autovacuum should come; None: the default is right."""
    return next((factor for least, factor in _STEPS if rows >= least), None)


def _of(table: Table) -> list[Finding]:
    factor = scale_factor(table.rows)
    if factor is None:
        return []
    return [
        Recommendation(
            option,
            factor,
            "table",
            f"{table.rows:,.0f} rows: with the default of 0.2 (analyze 0.1) autovacuum would "
            f"come after {0.2 * table.rows:,.0f} changed ones. bin/transform vacuums what it "
            "changed by itself; this is for what it leaves and for others who write.",
            "docs/TUNING.md: 0.02 to 0.05 for large tables",
            scope=table.name,
            low="0",
            high=factor,
        )
        for option in OPTIONS
    ]
