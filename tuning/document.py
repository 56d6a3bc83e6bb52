"""Advice as JSON: amo-tune/advise/1."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from tuning.collect import Server
from tuning.compare import Row
from tuning.situation import Advice

SCHEMA = "amo-tune/advise/1"


def document(server: Server, advice: Advice, rows: list[Row]) -> dict[str, Any]:
    """Bytes are numbers, values of settings are text as SHOW prints it."""
    known, rights = server.situation, server.rights
    return {
        "schema": SCHEMA,
        "server": {
            "version": server.version,
            "database": server.database,
            "role": rights.role,
            "is_superuser": rights.is_superuser,
            "is_local": server.is_local,
            "service": asdict(rights.service) if rights.service else None,
            "database_bytes": known.database_bytes,
            "max_connections": known.max_connections,
        },
        "machine": {
            "ram_bytes": known.ram_bytes,
            "cpus": known.cpus,
            "disk": known.disk,
            "wal_space_bytes": known.wal_space_bytes,
            "origins": {name: origin or None for name, origin in server.origins.items()},
        },
        "measured": asdict(known.measured) | {"hit_share": known.measured.hit_share},
        "recommendations": [_row(row) for row in rows],
        "left_out": [asdict(found) for found in advice.left_out],
        "overrides": [asdict(found) for found in server.overrides],
        "remarks": list(advice.remarks),
        "ram_upgrade": asdict(advice.ram_upgrade) if advice.ram_upgrade else None,
    }


def _row(row: Row) -> dict[str, Any]:
    advice = row.advice
    return {
        "name": advice.name,
        "scope": advice.scope,
        "current": row.current,
        "wanted": advice.wanted,
        "origin": row.origin,
        "verdict": "fine" if row.is_fine else "change",
        "takes": advice.effect,
        "reason": advice.reason,
        "source": advice.source,
        "is_ready": row.is_ready,
        "is_pending": row.is_pending,
        "hurdle": row.hurdle.text if row.hurdle else None,
        "is_forbidden": bool(row.hurdle and row.hurdle.is_final),
    }
