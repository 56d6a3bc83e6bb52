"""Entities that are valid JSON and yet unfit for PostgreSQL or for their type, on demand."""

from __future__ import annotations

from random import Random

from sandbox import wire
from sandbox.generate.account import Account
from sandbox.rewrite import rewrite
from sandbox.wire import Json

_NUL = "до\u0000после"
_SURROGATE = "половина \ud83d смайлика"
_TEXT_STREAMS = ("leads", "contacts", "companies", "leads/notes", "tasks")
# A key and a value of a type that the key never has.
_TYPES: tuple[tuple[str, Json], ...] = (
    ("leads", {"price": "договорная"}),
    ("contacts", {"custom_fields_values": {"0": {"field_id": "первое"}}}),
    ("companies", {"name": ["два", "имени"]}),
    ("leads", {"created_at": "2024-01-01 00:00:00"}),
    ("contacts", {"responsible_user_id": {"id": 7}}),
    ("tasks", {"complete_till": "завтра"}),
    ("leads/notes", {"params": "просто текст"}),
)


def add_poison(account: Account, count: int) -> None:
    """Spoil `count` entities in each of four ways, and remember which."""
    rng = account.rng("poison")
    for number in range(count):
        stream = _TEXT_STREAMS[number % len(_TEXT_STREAMS)]
        _spoil(account, rng, "nul", stream, _text(stream, _NUL))
        _spoil(account, rng, "surrogate", stream, _text(stream, _SURROGATE))
        _spoil(account, rng, "huge_number", "leads", {"price": wire.HUGE})
        _spoil(account, rng, "wrong_type", *_TYPES[number % len(_TYPES)])


def _text(stream: str, text: str) -> Json:
    if stream.endswith("/notes"):
        return {"note_type": "common", "params": {"text": text}}
    return {"text" if stream == "tasks" else "name": text}


def _spoil(account: Account, rng: Random, kind: str, stream: str, change: Json) -> None:
    spoilt = {id_ for known in account.poison.values() for name, id_ in known if name == stream}
    collection = account.collections[stream]
    whole = [id_ for id_ in collection.ids if id_ not in spoilt]
    if whole:
        id_ = whole[int(rng.random() * len(whole))]
        rewrite(account.encode, collection, collection.rows[id_], change)
        account.poison.setdefault(kind, []).append((stream, id_))
