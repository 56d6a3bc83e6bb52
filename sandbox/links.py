"""Which entity hangs on which: the graph behind `_embedded` blocks and /links."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sandbox import wire


class Goods(NamedTuple):
    """What a link to a catalog element carries in its `metadata` (facts §5.8)."""

    quantity: float
    catalog_id: int
    price_id: int | None


Meta = bool | Goods | None
"""`is_main` for a contact, goods for a catalog element, nothing for the rest."""


class Edge(NamedTuple):
    """One link, told from the side of `entity`."""

    entity: str
    id: int
    to_entity: str
    to_id: int
    meta: Meta


class Links:
    """Links in both directions."""

    def __init__(self) -> None:
        self._edges: dict[tuple[str, str], dict[int, list[tuple[int, Meta]]]] = {}

    def add(self, edge: Edge) -> None:
        """Link two entities; both sides see it."""
        self._put(edge.entity, edge.id, edge.to_entity, edge.to_id, edge.meta)
        self._put(edge.to_entity, edge.to_id, edge.entity, edge.id, edge.meta)

    def _put(self, entity: str, id_: int, to_entity: str, to_id: int, meta: Meta) -> None:
        self._edges.setdefault((entity, to_entity), {}).setdefault(id_, []).append((to_id, meta))

    def of(self, entity: str, id_: int, to_entity: str) -> list[tuple[int, Meta]]:
        """Return what one entity is linked to, in the order of linking."""
        return self._edges.get((entity, to_entity), {}).get(id_, [])

    def edges(self, entity: str, id_: int) -> Iterator[Edge]:
        """Walk all links of one entity."""
        for (source, target), by_id in self._edges.items():
            if source == entity:
                for to_id, meta in by_id.get(id_, ()):
                    yield Edge(entity, id_, target, to_id, meta)

    def drop(self, entity: str, id_: int) -> list[Edge]:
        """Take an entity out of the graph and return the links it had."""
        gone = list(self.edges(entity, id_))
        for edge in gone:
            self._edges[(entity, edge.to_entity)].pop(id_, None)
            back = self._edges[(edge.to_entity, entity)].get(edge.to_id, [])
            back[:] = [pair for pair in back if pair[0] != id_]
        return gone


def block(links: Links, entity: str, id_: int, target: str) -> bytes:
    """Write one `_embedded` block of linked entities, with the comma before it."""
    pairs = links.of(entity, id_, target)
    # Contacts say whether they are the main one inside leads and customers only (facts §5.9).
    says_main = target == "contacts" and entity in ("leads", "customers")
    items = ",".join([_item(target, to_id, meta, says_main) for to_id, meta in pairs])
    return f',"{target}":[{items}]'.encode()


def _item(target: str, to_id: int, meta: Meta, says_main: bool) -> str:
    if isinstance(meta, Goods):
        price = "null" if meta.price_id is None else meta.price_id
        link = wire.self_link(f"catalogs/{meta.catalog_id}/elements/{to_id}")
        return (
            f'{{"id":{to_id},"metadata":{{"quantity":{meta.quantity},'
            f'"catalog_id":{meta.catalog_id},"price_id":{price}}},"_links":{link}}}'
        )
    main = f'"is_main":{"true" if meta else "false"},' if says_main else ""
    return f'{{"id":{to_id},{main}"_links":{wire.self_link(f"{target}/{to_id}")}}}'
