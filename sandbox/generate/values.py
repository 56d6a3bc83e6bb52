"""The custom field values of one entity: which fields are filled, and what is fixed."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from sandbox.generate.account import Account
from sandbox.generate.makers import MAKERS
from sandbox.generate.shapes import entry
from sandbox.wire import Json


def field_values(
    account: Account, entity: str, rng: Random, number: int, known: Mapping[str, list[Json]]
) -> list[Json] | None:
    """Return `custom_fields_values` of the entity with a running number.

    `known` fixes values by field key. Beside it every entity has the field whose turn it is, so
    that even a small account has values of every type, and by chance another one.
    """
    fields = account.fields[entity]
    chosen = {number % len(fields)}
    if rng.random() < 0.5:
        chosen.add(int(rng.random() * len(fields)))
    if rng.random() < 0.04 and not known:
        return None
    made = []
    for position, field in enumerate(fields):
        values = known.get(field.key)
        if values is None and position in chosen:
            values = MAKERS[field.type](rng, field, account)
        if values:
            made.append(entry(field, values, rng))
    return made or None
