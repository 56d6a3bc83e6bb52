"""Checks of what lies in staging, and of what could not be typed."""

from __future__ import annotations

from typing import LiteralString

from loader.doctor.finding import Finding, Measure, ok, warn
from loader.doctor.scene import Scene
from tuning.units import rounded

# Compressed, a load takes less than its JSON; below this much nobody cares.
_TIMES, _FLOOR = 3, 16 << 20
_SHARE = 0.01

_SIZE: LiteralString = """
    SELECT
        pg_total_relation_size('staging.pages'),
        (
            SELECT sum(pg_total_relation_size(relation.oid))::bigint
            FROM pg_class AS relation
            WHERE relation.relnamespace = 'staging'::regnamespace AND relation.relkind = 'r'
        ),
        (
            SELECT coalesce(max(loaded.bytes), 0)::bigint
            FROM (SELECT sum(bytes::bigint) AS bytes FROM ops.pages GROUP BY run_id) AS loaded
        )
"""
_REJECTED: LiteralString = """
    SELECT
        transform.id,
        (
            SELECT count(*) FROM ops.rejects
            WHERE rejects.run_id = transform.id OR rejects.run_id IN (
                SELECT load.id FROM ops.runs AS load WHERE load.transformed_by = transform.id
            )
        ),
        (
            SELECT coalesce(max(ran.rows_in), 0)::bigint FROM ops.transforms AS ran
            WHERE ran.run_id = transform.id
        )
    FROM ops.runs AS transform
    WHERE transform.kind = 'transform' AND transform.status = 'ok'
    ORDER BY transform.id DESC
    LIMIT 1
"""


def staging(scene: Scene) -> Finding:
    """staging.pages does not grow from night to night

    WARN: it is larger than three times the JSON of the largest load on record, and than 16 MB.
    """
    pages, whole, largest = scene.db.execute(_SIZE).fetchone() or (0, 0, 0)
    measure = Measure("staging", whole, "B")
    detail = f"{rounded(whole)}, of it pages {rounded(pages)}"
    if pages > max(_TIMES * largest, _FLOOR):
        return warn(
            f"{detail}; the largest load had {rounded(largest)} of JSON",
            "bin/transform, then bin/load: it empties staging.pages when no load waits",
            measure,
        )
    return ok(detail, measure)


def rejects(scene: Scene) -> Finding:
    """The last transform could type what it was given

    WARN: more than one value in a hundred rows was set aside in ops.rejects.
    """
    row = scene.db.execute(_REJECTED).fetchone()
    if row is None:
        return ok("there was no transform yet", Measure("rejects", 0))
    number, count, rows = row
    measure = Measure("rejects", count)
    detail = f"{count} of {rows} rows of transform {number}"
    if count > _SHARE * max(rows, 1) and count:
        hint = "SELECT stream, path, reason, count(*) FROM ops.rejects GROUP BY 1, 2, 3"
        return warn(detail, f"{hint} ORDER BY 4 DESC", measure)
    return ok(detail, measure)
