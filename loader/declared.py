"""Telling the transforms what the streams are: the table of loader/streams.py in ops.streams."""

from __future__ import annotations

import json

from loader.db import Connection
from loader.streams import STREAMS


def declare_streams(connection: Connection) -> None:
    """Bring ops.streams up to date; an unchanged row is not written."""
    rows = [
        {
            "name": stream.name,
            "entity": stream.entity,
            "entity_type": stream.entity_type,
            "path": stream.path,
            "embedded_key": stream.key,
            "id_key": stream.id_key,
            "has_numeric_id": stream.has_numeric_id,
            "is_keyed_by_parent": stream.is_keyed_by_parent,
            "vanishing_events": stream.vanishing and list(stream.vanishing.events),
            "vanishing_id": stream.vanishing and stream.vanishing.id_path,
            "position": position,
        }
        for position, stream in enumerate(STREAMS, start=1)
    ]
    # Rows are compared as text: jsonpath has no equality.
    connection.execute(
        "MERGE INTO ops.streams AS known"
        " USING jsonb_populate_recordset(NULL::ops.streams, %s) AS declared"
        " ON known.name = declared.name"
        " WHEN MATCHED AND known::text = declared::text THEN DO NOTHING"
        " WHEN MATCHED THEN UPDATE SET entity = declared.entity,"
        " entity_type = declared.entity_type, path = declared.path,"
        " embedded_key = declared.embedded_key, id_key = declared.id_key,"
        " has_numeric_id = declared.has_numeric_id,"
        " is_keyed_by_parent = declared.is_keyed_by_parent,"
        " vanishing_events = declared.vanishing_events,"
        " vanishing_id = declared.vanishing_id, position = declared.position"
        " WHEN NOT MATCHED THEN INSERT VALUES (declared.name, declared.entity,"
        " declared.entity_type, declared.path, declared.embedded_key, declared.id_key,"
        " declared.has_numeric_id, declared.is_keyed_by_parent, declared.vanishing_events,"
        " declared.vanishing_id, declared.position)",
        (json.dumps(rows),),
    )
