"""WAL and checkpoints, from what the transforms really wrote."""

from __future__ import annotations

from tuning.situation import Finding, LeftOut, Measured, Recommendation, Situation
from tuning.units import GB, MB, memory, rounded

NEEDS_SPACE = "the space that WAL may take on its volume: --wal-space"
NEEDS_RUN = "the WAL of a transform: run bin/load and bin/transform once"

_WAL_DEFAULT = GB
_WAL_MOST = 16 * GB
_WAL_STEP = 256 * MB


def advise(situation: Situation) -> list[Finding]:
    """Everything about WAL."""
    return [
        _max_wal_size(situation),
        _checkpoint_timeout(situation.measured),
        _checkpoint_completion_target(),
        _wal_compression(situation),
    ]


def remarks(situation: Situation) -> list[str]:
    """What a DBA should know and no value mends."""
    space = situation.wal_space_bytes
    if space is not None and space < 2 * _WAL_DEFAULT:
        return [
            f"The volume has {rounded(space)} for WAL, less than twice the default max_wal_size."
        ]
    return []


def _max_wal_size(situation: Situation) -> Finding:
    space, most = situation.wal_space_bytes, situation.measured.most_wal_bytes
    lacking = [NEEDS_SPACE] * (space is None) + [NEEDS_RUN] * (most is None)
    if space is None or most is None:
        return LeftOut("max_wal_size", "; ".join(lacking))
    # The server refuses less than two segments of 16 MB.
    fits = max(space // 2 // MB, 32) * MB
    wanted = -(-2 * most // _WAL_STEP) * _WAL_STEP
    wanted = min(max(wanted, _WAL_DEFAULT), _WAL_MOST, fits)
    return Recommendation(
        "max_wal_size",
        memory(wanted),
        "reload",
        f"Twice the {rounded(most)} that the largest of the last 30 transforms wrote, at most "
        f"half of the {rounded(space)} that WAL may take, and 16 GB: so no checkpoint falls into "
        "a transform. More of it, longer recovery." + _requested(situation.measured),
        "measured: ops.transforms; docs/TUNING.md: 30 % less WAL, no checkpoint",
        low=memory(wanted),
        high=memory(max(wanted, fits)),
    )


def _requested(measured: Measured) -> str:
    requested = measured.checkpoints_requested
    total = requested + measured.checkpoints_timed
    # Backups and CREATE DATABASE ask for some as well, so that a few mean nothing.
    if total < 20 or requested < 0.1 * total:
        return ""
    return f" {requested} of {total} checkpoints so far were asked for, not due."


def _checkpoint_timeout(measured: Measured) -> Recommendation:
    return Recommendation(
        "checkpoint_timeout",
        "15min",
        "reload",
        "Each checkpoint makes the next change of every page write the whole page to WAL."
        " 15 min to 1 h are left alone." + _requested(measured),
        "docs/TUNING.md; AWS 30 min, Nominatim 1 h for imports",
        low="15min",
        high="1h",
    )


def _checkpoint_completion_target() -> Recommendation:
    return Recommendation(
        "checkpoint_completion_target",
        "0.9",
        "reload",
        "Spreads the writes over the time between two checkpoints; the default since 14.",
        "manual; pgtune, timescaledb-tune, pgconfig",
    )


def _wal_compression(situation: Situation) -> Finding:
    if not situation.chooses("wal_compression", "lz4"):
        return LeftOut("wal_compression", "lz4, which this build of PostgreSQL does not have")
    return Recommendation(
        "wal_compression",
        "lz4",
        "session",
        "Smaller images of pages: 17 % less WAL in one transaction, more in many; it costs CPU.",
        "docs/TUNING.md: WAL 1928 to 1602 MB, time 0.96 to 1.03",
        also=frozenset(("zstd",)),
    )
