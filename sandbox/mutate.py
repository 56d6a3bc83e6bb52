"""Changes of live data, each with the event that amoCRM would record (facts §5.17, §7)."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

from sandbox.generate.account import Account
from sandbox.generate.entities import MAKERS
from sandbox.generate.event_types import RENAMED, SINGULAR
from sandbox.generate.events import Happening, event
from sandbox.generate.shapes import uuid
from sandbox.generate.words import pick
from sandbox.links import Edge
from sandbox.rewrite import document, rewrite, stub
from sandbox.store import Collection, Id, Row
from sandbox.streams import MAIN, STREAMS, TRASH
from sandbox.wire import Json


class MutationError(Exception):
    """A change was asked for that cannot be made."""


@dataclass(slots=True)
class Mutation:
    """Changes made at one moment."""

    account: Account
    rng: Random
    moment: int

    def insert(self, name: str) -> Id:
        """Make one more entity."""
        collection = self._collection(name)
        if name not in MAKERS:
            raise MutationError(f"cannot insert into {name}")
        (id_,) = self.account.take_ids(collection.stream, self.rng, 1)
        row = MAKERS[name](self.account, self.rng, id_, id_, self.moment)
        if row is None:
            raise MutationError(f"nothing to hang one of {name} on")
        collection.add([row])
        rewrite(self.account.encode, collection, row, {"updated_at": self.moment})
        if name in MAIN:
            self.account.refresh(collection.stream, row)
            self._refresh_others(list(self.account.links.edges(name, id_)))
        if name in SINGULAR:
            self._record(f"{SINGULAR[name]}_added", name, id_)
        return id_

    def update(self, name: str, id_: Id, changes: Json | None = None) -> None:
        """Change keys of one entity; without `changes`, what its stream is about."""
        collection, row = self._collection(name), self._row(name, id_)
        before = document(row)
        made = dict(changes) if changes is not None else self._usual_change(name, before)
        user = pick(self.rng, self.account.users)
        for key, value in {"updated_at": self.moment, "updated_by": user.id}.items():
            if key in before:
                made.setdefault(key, value)
        rewrite(self.account.encode, collection, row, made)
        if name == "leads" and "price" in made:
            after, old = ({"sale_field_value": {"sale": d["price"]}} for d in (made, before))
            self._record("sale_field_changed", name, id_, [after], [old])
        elif name in MAIN and "name" in made:
            after, old = ({"name_field_value": {"name": d["name"]}} for d in (made, before))
            self._record("name_field_changed", name, id_, [after], [old])
        elif name == "tasks" and "text" in made:
            after, old = ({"task": {"text": d["text"]}} for d in (made, before))
            self._record("task_text_changed", name, id_, [after], [old])
        elif name == "talks":
            self._record_message(before)

    def delete(self, name: str, id_: Id) -> None:
        """Take one entity out of its list; leads, contacts, companies go to the trash."""
        collection, row = self._collection(name), self._row(name, id_)
        self._take_out(collection, row)
        collection.trash[id_] = row
        if name in TRASH:
            user = pick(self.rng, self.account.users)
            collection.stubs[id_] = stub(self.account.encode, collection, row, self.moment, user.id)
        if name in SINGULAR:
            self._record(f"{SINGULAR[name]}_deleted", name, id_)
        elif name.endswith("/notes"):
            parent = name.partition("/")[0]
            entity_id = row.facets[collection.stream.facets.index("entity_id")]
            self._record("common_note_deleted", parent, entity_id, [{"note": {"id": id_}}])
        collection.changed()

    def restore(self, name: str, id_: Id) -> None:
        """Bring one entity back from the trash with its id and its links."""
        collection = self._collection(name)
        if id_ not in collection.trash:
            raise MutationError(f"{id_} is not in the trash of {name}")
        row = collection.trash.pop(id_)
        collection.stubs.pop(id_, None)
        collection.rows[id_] = row
        for edge in self.account.cut_links.pop((name, id_), []):
            if edge.to_id in self._ids_of(edge.to_entity):
                self.account.links.add(edge)
        rewrite(self.account.encode, collection, row, {"updated_at": self.moment})
        if name in MAIN:
            self.account.refresh(collection.stream, row)
            self._refresh_others(list(self.account.links.edges(name, int(id_))))
        if name in TRASH:
            self._record(f"{SINGULAR[name]}_restored", name, id_)

    def merge(self, name: str, winner: Id, loser: Id) -> None:
        """Let one entity take the links of another, which vanishes without a trace of its id."""
        if name not in MAIN or winner == loser:
            raise MutationError(f"cannot merge {loser} into {winner} of {name}")
        collection, row = self._collection(name), self._row(name, winner)
        self._take_out(collection, self._row(name, loser))
        links = self.account.links
        known = {(edge.to_entity, edge.to_id) for edge in links.edges(name, int(winner))}
        for edge in self.account.cut_links.pop((name, loser), []):
            # A lead or a contact has one company (facts §5.9): the winner keeps its own.
            is_second = edge.to_entity == "companies" and links.of(name, int(winner), "companies")
            if (edge.to_entity, edge.to_id) not in known and not is_second:
                links.add(edge._replace(id=int(winner)))
        rewrite(self.account.encode, collection, row, {"updated_at": self.moment})
        self.account.refresh(collection.stream, row)
        self._refresh_others(list(links.edges(name, int(winner))))
        # The values are empty: the event does not name the loser (facts §7.2).
        self._record("entity_merged", name, winner)

    def _take_out(self, collection: Collection, row: Row) -> None:
        name = collection.stream.name
        del collection.rows[row.id]
        if name in MAIN:
            cut = self.account.links.drop(name, int(row.id))
            self.account.cut_links[(name, row.id)] = cut
            self._refresh_others(cut)
        collection.changed()

    def _refresh_others(self, edges: list[Edge]) -> None:
        for edge in edges:
            if edge.to_entity in MAIN:
                other = self.account.collections[edge.to_entity]
                if edge.to_id in other.rows:
                    self.account.refresh(other.stream, other.rows[edge.to_id])

    def _usual_change(self, name: str, before: Json) -> Json:
        words = self.account.words
        if name == "leads":
            price = before.get("price")
            return {"price": (price if isinstance(price, int) else 0) % 1_000_000 + 100}
        if name == "tasks":
            return {"text": pick(self.rng, words.todos)}
        if name == "talks":
            return {"is_read": not before["is_read"]}
        if name.endswith("/notes"):
            return {"params": {"text": pick(self.rng, words.remarks)}}
        return {"name": pick(self.rng, words.names).initials} if "name" in before else {}

    def _record_message(self, talk: Json) -> None:
        """Of a message tells an event of what the talk is about (facts §5.17)."""
        message = {"id": uuid(self.rng), "talk_id": talk["talk_id"], "origin": talk["origin"]}
        lead_id = talk["entity_id"]
        about = ("leads", lead_id) if lead_id else ("contacts", talk["contact_id"])
        self._record("incoming_chat_message", *about, [{"message": message}])

    def _record(
        self,
        kind: str,
        name: str,
        id_: Id,
        after: list[Any] | None = None,
        before: list[Any] | None = None,
    ) -> None:
        what = Happening(
            RENAMED.get(kind, kind), name, int(id_), self.moment, after or [], before or []
        )
        row = event(self.account, self.rng, what)
        self.account.collection(STREAMS["events"]).add([row])

    def _collection(self, name: str) -> Collection:
        if name not in self.account.collections:
            raise MutationError(f"no stream {name}")
        return self.account.collections[name]

    def _row(self, name: str, id_: Id) -> Row:
        row = self._collection(name).rows.get(id_)
        if row is None:
            raise MutationError(f"no {id_} in {name}")
        return row

    def _ids_of(self, entity: str) -> Any:
        if entity == "catalog_elements":
            return {id_ for name, c in self.account.collections.items()
                    if name.endswith("/elements") for id_ in c.rows}  # fmt: skip
        return self.account.collections[entity].rows
