"""What happened to a lead over time."""

from __future__ import annotations

from typing import Any

from loader.db import Connection
from tests.support.staged import bring


def change(number: int, before: Any, after: Any, **fields: Any) -> dict[str, Any]:
    """An event lead_status_changed."""
    return {
        "id": f"event-{number}",
        "type": "lead_status_changed",
        "entity_type": "lead",
        "entity_id": 501,
        "created_by": 7,
        "created_at": 1_700_000_000 + number,
        "value_before": before,
        "value_after": after,
    } | fields


def stage(status: int, pipeline: int = 10) -> list[dict[str, Any]]:
    return [{"lead_status": {"id": status, "pipeline_id": pipeline}}]


def test_the_way_through_the_pipeline(connection: Connection) -> None:
    """In order, with both stages; odd events cost only themselves; twice changes nothing."""
    events = [
        change(1, stage(101), stage(102)),
        change(2, stage(102), stage(142, 11), created_by=0),
        change(3, [], stage(143)),
        change(4, [], {}, entity_id=None),
        change(5, [], [], type="lead_deleted"),
    ]
    bring(connection, events=events)
    bring(connection, events=events)

    rows = connection.execute(
        "SELECT from_status_id, to_pipeline_id, to_status_id, changed_by"
        " FROM amo.lead_status_changes WHERE lead_id = 501 ORDER BY changed_in_amo_at"
    ).fetchall()
    assert rows == [(101, 10, 102, 7), (102, 11, 142, 0), (None, 10, 143, 7)]
