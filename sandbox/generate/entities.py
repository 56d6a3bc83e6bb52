"""How one more entity of a stream is made, at the start and when one is inserted later."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random

from sandbox import streams
from sandbox.generate import catalogs, companies, contacts, customers, incoming, leads, notes, tasks
from sandbox.generate.account import CATALOG_IDS, Account
from sandbox.store import Row
from sandbox.streams import MAIN

# account, chance, running number, id, created_at; None when there is nothing to hang it on.
Make = Callable[[Account, Random, int, int, int], Row | None]

MAKERS: dict[str, Make] = {
    "companies": companies.company,
    "contacts": contacts.contact,
    "leads": leads.lead,
    "customers": customers.customer,
    "tasks": tasks.task,
    "talks": incoming.talk,
    **{f"{entity}/notes": partial(notes.note, entity=entity) for entity in MAIN},
    **{
        streams.elements(id_, kind).name: partial(
            catalogs.element, stream=streams.elements(id_, kind), kind=kind
        )
        for kind, id_ in CATALOG_IDS.items()
    },
}

FIRST_IDS = {
    "companies": companies.FIRST_ID,
    "contacts": contacts.FIRST_ID,
    "leads": leads.FIRST_ID,
    "customers": customers.FIRST_ID,
    "tasks": tasks.FIRST_ID,
}
