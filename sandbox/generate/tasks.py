"""Tasks: what somebody has to do, about some entity or about none."""

from __future__ import annotations

from random import Random

from sandbox.generate.account import Account, later, row
from sandbox.generate.companies import author
from sandbox.generate.oddities import TEXTS
from sandbox.generate.words import pick
from sandbox.store import Row
from sandbox.streams import STREAMS

STREAM = STREAMS["tasks"]
FIRST_ID = 50_000_001
TASK_TYPES = ((1, "Связаться", "FOLLOW_UP"), (2, "Встреча", "MEETING"), (6001, "Выезд", None))
_ENTITIES = ("leads", "leads", "leads", "contacts", "companies", "customers", None)


def task(account: Account, rng: Random, number: int, id_: int, created_at: int) -> Row:
    """Return one task."""
    entity = pick(rng, _ENTITIES)
    entity_id = account.some_id(entity, rng) if entity else None
    owner = account.person(rng)
    done = rng.random() < 0.7
    text = TEXTS[number // 40 % len(TEXTS)] if number % 40 == 9 else pick(rng, account.words.todos)
    document = {
        "id": id_,
        "created_by": author(account, rng),
        "updated_by": author(account, rng),
        "created_at": created_at,
        "updated_at": later(rng, created_at, account.now),
        "responsible_user_id": owner.id,
        "group_id": owner.group_id,
        "entity_id": entity_id,
        "entity_type": entity if entity_id else None,
        "duration": pick(rng, (0, 0, 1800, 3600)),
        "is_completed": done,
        "task_type_id": pick(rng, TASK_TYPES)[0],
        "text": text,
        # An empty object is an empty list in PHP (facts §4).
        "result": {"text": pick(rng, account.words.remarks)} if done and number % 3 else [],
        "complete_till": created_at + 86_400 * (1 + int(rng.random() * 20)),
        "account_id": account.id,
    }
    if entity_id is None and rng.random() < 0.5:
        del document["entity_type"]
    return row(account, STREAM, document)
