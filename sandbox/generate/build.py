"""The order in which an account is made."""

from __future__ import annotations

from sandbox import wire
from sandbox.generate import notes
from sandbox.generate.account import Account, Size, moments
from sandbox.generate.catalogs import add_catalogs
from sandbox.generate.customers import add_transactions
from sandbox.generate.dictionaries import add_dictionaries
from sandbox.generate.entities import FIRST_IDS, MAKERS
from sandbox.generate.events import add_events
from sandbox.generate.files import add_files
from sandbox.generate.funnel import add_funnel
from sandbox.generate.incoming import add_incoming
from sandbox.generate.integrations import add_integrations
from sandbox.generate.people import add_people
from sandbox.generate.poison import add_poison
from sandbox.mutate import Mutation
from sandbox.streams import MAIN, STREAMS, TRASH

# One entity in this many was deleted and lies in the trash.
_TRASH_SHARE = 200


def build(account: Account, poison: int = 0) -> None:
    """Fill an account; equal seeds and sizes make equal bytes."""
    for part in (add_people, add_funnel, add_integrations, add_dictionaries, add_catalogs):
        part(account)
    for name in FIRST_IDS:
        _add_entities(account, name)
    _add_notes(account)
    add_transactions(account)
    add_incoming(account)
    add_events(account)
    add_files(account)
    for name in MAIN:
        for row in account.collection(STREAMS[name]).rows.values():
            account.refresh(STREAMS[name], row)
    _fill_trash(account)
    add_poison(account, poison)


def new_account(account_id: int, seed: int, now: int, size: Size, plain_unicode: bool) -> Account:
    """Return an account with nothing in it."""
    return Account(account_id, seed, now, wire.encoder(plain_unicode), size)


def _trashed(account: Account, name: str) -> int:
    if name not in TRASH:
        return 0
    count: int = getattr(account.size, name)
    return 1 + count // _TRASH_SHARE if count else 0


def _add_entities(account: Account, name: str) -> None:
    rng, collection = account.rng(name), account.collection(STREAMS[name])
    count = getattr(account.size, name) + _trashed(account, name)
    ids = account.take_ids(collection.stream, rng, count, FIRST_IDS[name])
    for number, (id_, at) in enumerate(zip(ids, moments(rng, account.now, count), strict=True)):
        row = MAKERS[name](account, rng, number, id_, at)
        if row is not None:
            collection.rows[id_] = row
    collection.changed()


def _add_notes(account: Account) -> None:
    rng = account.rng("notes")
    count = account.size.notes
    shares = {name: share for name, share in notes.SHARES.items() if account.collections[name].rows}
    entities = rng.choices(list(shares), list(shares.values()), k=count) if shares else []
    for entity in MAIN:
        account.collection(STREAMS[f"{entity}/notes"])
    ids = account.take_ids(STREAMS["leads/notes"], rng, count, notes.FIRST_ID)
    at = moments(rng, account.now, count)
    for number, (entity, id_, moment) in enumerate(zip(entities, ids, at, strict=False)):
        name = f"{entity}/notes"
        row = MAKERS[name](account, rng, number, id_, moment)
        if row is not None:
            account.collections[name].rows[id_] = row
    for entity in MAIN:
        account.collections[f"{entity}/notes"].changed()


def _fill_trash(account: Account) -> None:
    rng = account.rng("trash")
    mutation = Mutation(account, rng, account.now - 3600)
    for name in TRASH:
        for id_ in rng.sample(account.collections[name].ids, _trashed(account, name)):
            mutation.delete(name, id_)
