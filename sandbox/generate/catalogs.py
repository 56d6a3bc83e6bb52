"""Catalogs and their elements: goods, invoices, suppliers and a list of the user's own."""

from __future__ import annotations

from random import Random

from sandbox import streams
from sandbox.generate.account import CATALOG_IDS, Account, later, moments, row
from sandbox.generate.values import field_values
from sandbox.generate.words import pick
from sandbox.links import Edge, Goods
from sandbox.store import Row
from sandbox.streams import STREAMS, Stream
from sandbox.wire import Json

FIRST_ELEMENT = 600_001
_TITLES = {
    "products": "Товары", "invoices": "Счета/покупки", "suppliers": "Поставщики",
    "regular": "Модели «оборудования»",
}  # fmt: skip


def add_catalogs(account: Account) -> None:
    """Put all catalogs into the account."""
    catalogs = STREAMS["catalogs"]
    for number, kind in enumerate(CATALOG_IDS):
        account.collection(catalogs).add([row(account, catalogs, _catalog(account, number, kind))])
        rng = account.rng(f"catalog:{kind}")
        count = 60 + account.size.companies // (10 if kind == "products" else 50)
        stream = streams.elements(CATALOG_IDS[kind], kind)
        ids = account.take_ids(stream, rng, count, FIRST_ELEMENT)
        made = zip(ids, moments(rng, account.now, count), strict=True)
        account.collection(stream).add(
            element(account, rng, turn, id_, created_at, stream=stream, kind=kind)
            for turn, (id_, created_at) in enumerate(made)
        )


def _catalog(account: Account, number: int, kind: str) -> Json:
    return {
        "id": CATALOG_IDS[kind],
        "name": _TITLES[kind],
        "created_by": account.users[0].id,
        "updated_by": 0,
        "created_at": account.now - 100_000_000,
        "updated_at": account.now - 90_000_000 + number,
        "sort": 10 * (number + 1),
        "type": kind,
        "can_add_elements": True,
        "can_show_in_cards": kind == "regular",
        "can_link_multiple": kind != "invoices",
        "can_be_deleted": kind == "regular",
        "sdk_widget_code": None,
        "account_id": account.id,
    }


def element(
    account: Account,
    rng: Random,
    turn: int,
    id_: int,
    created_at: int,
    *,
    stream: Stream,
    kind: str,
) -> Row:
    """Return one element of a catalog of some kind."""
    values = field_values(account, kind, rng, turn, {})
    if values is None and rng.random() < 0.5:
        values = []
    document = {
        "id": id_,
        "name": _name(account, kind, rng, turn),
        "created_by": account.person(rng).id,
        "updated_by": 0,
        "created_at": created_at,
        "updated_at": later(rng, created_at, account.now),
        # null or a bool (facts §5.14).
        "is_deleted": None if rng.random() < 0.5 else rng.random() < 0.03,
        "custom_fields_values": values,
        "catalog_id": CATALOG_IDS[kind],
        "account_id": account.id,
    }
    warning = ""
    blocks: tuple[bytes, ...] = (b',"supplier_field_values":[]',)
    if kind == "invoices":
        warning = ',"_embedded":{"warning":{"message":null}}'
        blocks += (f',"invoice_link":"https://invoice.example/{id_}"'.encode(),)
    return row(account, stream, document, embedded=warning, blocks=blocks)


def _name(account: Account, kind: str, rng: Random, turn: int) -> str:
    if kind == "invoices":
        return f"Счёт № {turn + 1}"
    if kind == "suppliers":
        return f"ООО «{pick(rng, account.words.brands)}»"
    return f"{pick(rng, account.words.deals)} арт. {turn}"


def goods(account: Account, entity: str, id_: int, rng: Random) -> list[Edge]:
    """Return links of an entity to some products; a quantity is whole or not (facts §5.14)."""
    catalog_id = CATALOG_IDS["products"]
    known = account.collections[f"catalogs/{catalog_id}/elements"].ids
    made = []
    for element_id in rng.sample(known, 1 + int(rng.random() * 3)):
        quantity = 1 + int(rng.random() * 9)
        price_id = account.fields["products"][1].id if rng.random() < 0.5 else None
        amount = quantity if rng.random() < 0.7 else quantity + 0.5
        meta = Goods(amount, catalog_id, price_id)
        made.append(Edge(entity, id_, "catalog_elements", int(element_id), meta))
    return made
