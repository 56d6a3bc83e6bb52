"""Lists of links: of one entity, and of many at once (facts §5.18)."""

from __future__ import annotations

from typing import Any

from sandbox import wire
from sandbox.generate.account import Account
from sandbox.links import Edge, Goods
from sandbox.query import BadQueryError
from sandbox.streams import STREAMS
from sandbox.wire import Json


def bulk_links(
    account: Account, entity: str, filters: dict[str, Any], only_id: int | None
) -> str | None:
    """Return the links of an entity, or of those a filter names, as text with marks."""
    if only_id is None and "entity_id" not in filters:
        raise BadQueryError("filter.entity_id", "This field is required.")
    ids = [only_id] if only_id is not None else _numbers(filters["entity_id"])
    found = [
        _item(edge, in_bulk=only_id is None)
        for id_ in ids
        for target in STREAMS[entity].linked
        for to_id, meta in account.links.of(entity, id_, target)
        if _passes(filters, edge := Edge(entity, id_, target, to_id, meta))
    ]
    if not found:
        return None
    path = f"{entity}/links" if only_id is None else f"{entity}/{only_id}/links"
    embedded = account.encode({"links": found})
    return f'{{"_total_items":{len(found)},"_links":{wire.self_link(path)},"_embedded":{embedded}}}'


def _numbers(wanted: Any) -> list[int]:
    texts = list(wanted.values()) if isinstance(wanted, dict) else [wanted]
    if not all(isinstance(text, str) and text.isdecimal() for text in texts):
        raise BadQueryError("filter.entity_id", "This value should be a number.")
    return [int(text) for text in texts]


def _passes(filters: dict[str, Any], edge: Edge) -> bool:
    facts = {
        "to_entity_id": str(edge.to_id),
        "to_entity_type": edge.to_entity,
        "to_catalog_id": str(edge.meta.catalog_id) if isinstance(edge.meta, Goods) else "",
    }
    return all(filters.get(name, value) == value for name, value in facts.items())


def _item(edge: Edge, *, in_bulk: bool) -> Json:
    metadata: Json | None = None
    if isinstance(edge.meta, Goods):
        metadata = edge.meta._asdict()
    elif edge.to_entity == "contacts" and edge.meta is not None:
        # Written as is_main, read as main_contact (facts §5.18).
        metadata = {"main_contact": edge.meta}
    head: Json = {"entity_id": edge.id, "entity_type": edge.entity} if in_bulk else {}
    target = {"to_entity_id": edge.to_id, "to_entity_type": edge.to_entity}
    return head | target | {"metadata": metadata}
