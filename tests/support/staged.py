"""Handmade pages, staged by the code that stages real ones."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from loader import declared, runs, transform
from loader.api.client import Answer
from loader.db import Connection
from loader.ledger import Place
from loader.staging import stage
from loader.streams import BY_NAME

ACCOUNT = 111


def stage_run(connection: Connection, pages: Sequence[tuple[str, Sequence[Any]]]) -> int:
    """One load whose pages are (stream, entities); returns its id."""
    declared.declare_streams(connection)
    run = runs.begin(
        connection,
        mode="full",
        account_id=ACCOUNT,
        base_url="https://example.amocrm.ru",
        streams=["test"],
        resume=False,
    )
    for number, (name, entities) in enumerate(pages, start=1):
        stream = BY_NAME[name]
        body = json.dumps({"_embedded": {stream.key: entities}} if stream.key else entities[0])
        place = Place.of(run.id, name, {}, number)
        stage(connection, place, stream, Answer(body.encode(), 1, 0.0, 0.0))
    runs.finish(connection, run.id, "ok", 0, "")
    return run.id


def bring(connection: Connection, **streams: Sequence[Mapping[str, Any]]) -> int:
    """Stage one page per stream and transform; returns the transform's run id."""
    stage_run(connection, list(streams.items()))
    return transform.transform(connection).run_id


def lead(number: int, **fields: Any) -> dict[str, Any]:
    """A lead with all that the tests need."""
    return {"id": number, "name": f"Сделка {number}", "updated_at": 1_700_000_000} | fields


def field_value(field_id: int, kind: str, *values: Any, **more: Any) -> dict[str, Any]:
    """One entry of custom_fields_values."""
    return {
        "field_id": field_id,
        "field_name": f"Поле {field_id}",
        "field_code": None,
        "field_type": kind,
        "values": [value if isinstance(value, dict) else {"value": value} for value in values],
    } | more


def counted(connection: Connection) -> dict[str, int]:
    """The counters of all transforms so far, summed over streams."""
    rows = connection.execute("SELECT counter, sum(value)::bigint FROM ops.counters GROUP BY 1")
    return {str(counter): int(str(value)) for counter, value in rows}
