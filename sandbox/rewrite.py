"""Change keys of a row that is already text."""

from __future__ import annotations

from sandbox import wire
from sandbox.store import Collection, Row
from sandbox.wire import Encode, Json

# Where the document of an entity ends and its links begin.
_SEAM = b',"_links":{"self":{"href":"' + wire.BASE_MARK


def document(row: Row) -> Json:
    """Return the document of a row without links and embedded entities."""
    return wire.decode(row.core.partition(_SEAM)[0] + b"}")


def rewrite(encode: Encode, collection: Collection, row: Row, changes: Json) -> None:
    """Set keys of the document of a row."""
    changed = document(row) | changes
    row.core = _text(encode, changed) + b"".join(row.core.partition(_SEAM)[1:])
    row.facets = tuple(changed.get(name) for name in collection.stream.facets)
    stamp = changes.get("updated_at", row.updated_at)
    row.updated_at = stamp if isinstance(stamp, int) else row.updated_at
    collection.changed()


def stub(encode: Encode, collection: Collection, row: Row, moment: int, user_id: int) -> Row:
    """Return what the trash shows of a row: all keys null but five (facts §7.1)."""
    known = document(row)
    empty: Json = dict.fromkeys(known) | {
        "id": row.id,
        "updated_by": user_id,
        "updated_at": moment,
        "is_deleted": True,
        "account_id": known["account_id"],
    }
    stream = collection.stream
    link = wire.self_link(f"{stream.name}/{row.id}")
    core = _text(encode, empty) + f',"_links":{link},"_embedded":{{"tags":[]'.encode()
    blocks = tuple(f',"{name}":[]'.encode() for name in (*stream.linked, *stream.own))
    facets = tuple(empty.get(name) for name in stream.facets)
    extra = (b"",) * len(stream.extra)
    return Row(row.id, row.created_at, moment, facets, core, blocks + extra)


def _text(encode: Encode, value: Json) -> bytes:
    """Return a document as text without its closing brace."""
    return wire.encode_huge(encode(value))[:-1].encode()
