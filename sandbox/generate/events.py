"""Events: what happened to entities, with values in the shapes of facts §5.17."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from sandbox import wire
from sandbox.generate.account import Account, moments, row
from sandbox.generate.event_types import SILENT_TYPES, SINGULAR, VALUES
from sandbox.generate.words import pick
from sandbox.store import Row
from sandbox.streams import STREAMS
from sandbox.wire import Json

STREAM = STREAMS["events"]
_CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that happened to an entity."""

    kind: str
    entity: str
    entity_id: int
    moment: int
    after: list[Any] = field(default_factory=list)
    before: list[Any] = field(default_factory=list)


def event_id(rng: Random, moment: int) -> str:
    """Return a 26-character id that sorts by time, like a ULID (facts §5.17)."""
    number = (moment * 1000 << 80) | rng.getrandbits(80)
    return "".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))


def add_events(account: Account) -> None:
    """Put the history of events into the account."""
    rng = account.rng("events")
    types = [*VALUES, *SILENT_TYPES]
    at = moments(rng, account.now, account.size.events)
    account.collection(STREAM).add(
        made
        for number, moment in enumerate(at)
        if (made := _some_event(account, rng, types[number % len(types)], moment)) is not None
    )
    account.collection(STREAM).add(
        event(account, rng, Happening("talk_created", "talks", int(talk.id), talk.created_at))
        for talk in account.collection(STREAMS["talks"]).rows.values()
    )


def _some_event(account: Account, rng: Random, kind: str, moment: int) -> Row | None:
    entity = _entity_of(kind, rng)
    entity_id = account.some_id(entity, rng)
    if entity_id is None:
        return None
    value: Callable[[Account, Random], list[Any]] | None = VALUES.get(kind)
    after = value(account, rng) if value else []
    before = value(account, rng) if value and kind.endswith("_changed") else []
    return event(account, rng, Happening(kind, entity, entity_id, moment, after, before))


def _entity_of(kind: str, rng: Random) -> str:
    for entity, singular in SINGULAR.items():
        if kind.startswith(f"{singular}_"):
            return entity
    return pick(rng, ("leads", "leads", "contacts", "companies"))


def event(account: Account, rng: Random, what: Happening) -> Row:
    """Return the event that tells what happened."""
    singular = SINGULAR[what.entity]
    document: Json = {
        "id": event_id(rng, what.moment),
        "type": what.kind,
        "entity_id": what.entity_id,
        "entity_type": singular,
        "created_by": 0 if rng.random() < 0.1 else account.person(rng).id,
        "created_at": what.moment,
        "value_after": what.after,
        "value_before": what.before,
        "account_id": account.id,
    }
    link = wire.self_link(f"{what.entity}/{what.entity_id}")
    head = f',"_embedded":{{"entity":{{"id":{what.entity_id},"_links":{link}'
    name = f',"name":"{singular} {what.entity_id}"'.encode()
    names = tuple(name if wanted == f"{singular}_name" else b"" for wanted in STREAM.own)
    return row(account, STREAM, document, embedded=head, blocks=names)
