"""Leads: deals with a firm, in some stage of some pipeline."""

from __future__ import annotations

from random import Random

from sandbox import wire
from sandbox.generate.account import Account, later, row
from sandbox.generate.catalogs import goods
from sandbox.generate.companies import author, closest_task, tags
from sandbox.generate.funnel import FIRST_LOSS_REASON, LOSS_REASONS, LOST, WON, loss_reason
from sandbox.generate.integrations import SOURCES
from sandbox.generate.oddities import TEXTS
from sandbox.generate.values import field_values
from sandbox.generate.words import pick
from sandbox.links import Edge
from sandbox.store import Row
from sandbox.streams import STREAMS
from sandbox.wire import Json

STREAM = STREAMS["leads"]
FIRST_ID = 40_000_001
MAX_PRICE = 2_147_483_647
_RETAIL_SHARE = 0.02


def lead(account: Account, rng: Random, number: int, id_: int, created_at: int) -> Row:
    """Return one lead and link it to its company, contacts and goods."""
    _link(account, rng, id_)
    pipeline_id, status_id = pick(rng, account.stages)
    updated_at = later(rng, created_at, account.now)
    owner = account.person(rng)
    lost = FIRST_LOSS_REASON + int(rng.random() * len(LOSS_REASONS))
    document = {
        "id": id_,
        "name": _name(account, rng, number),
        **_price(rng, number),
        "responsible_user_id": owner.id,
        "group_id": owner.group_id,
        "status_id": status_id,
        "pipeline_id": pipeline_id,
        "loss_reason_id": lost if status_id == LOST and rng.random() < 0.8 else None,
        "source_id": pick(rng, list(SOURCES)) if rng.random() < 0.3 else None,
        "created_by": author(account, rng),
        "updated_by": author(account, rng),
        "created_at": created_at,
        "updated_at": updated_at,
        "closed_at": updated_at if status_id in (WON, LOST) else None,
        "closest_task_at": closest_task(account, rng),
        "is_deleted": False,
        "custom_fields_values": field_values(account, "leads", rng, number, {}),
        "score": None if rng.random() < 0.9 else int(rng.random() * 100),
        "account_id": account.id,
        "labor_cost": None if rng.random() < 0.9 else int(rng.random() * 36_000),
    }
    if rng.random() < 0.7:
        # A key of recent accounts (facts §5.8).
        document["is_price_computed"] = False
    head = tags(account, "leads", rng)
    return row(account, STREAM, document, embedded=head, blocks=_blocks(account, document, rng))


def _name(account: Account, rng: Random, number: int) -> str:
    if number % 50 == 13:
        return TEXTS[number // 50 % len(TEXTS)]
    if rng.random() < 0.08:
        return f"Сделка #{40_000_000 + number}"
    return pick(rng, account.words.deals)


def _price(rng: Random, number: int) -> Json:
    if number % 500 == 3:
        # Larger amounts overflow the old key (facts §5.8, issue #265).
        return {"price": MAX_PRICE, "price_with_minor_units": 3_000_000_000.55}
    price = int(rng.random() ** 3 * 2_000_000) // 100 * 100 if rng.random() < 0.8 else 0
    if number % 3:
        return {"price": price}
    return {"price": price, "price_with_minor_units": price + 0.5 if price % 700 else price}


def _link(account: Account, rng: Random, id_: int) -> None:
    company_id = account.some_id("companies", rng) if rng.random() < 0.7 else None
    contact_id = account.some_id("contacts", rng) if rng.random() < 0.9 else None
    if company_id:
        account.links.add(Edge("leads", id_, "companies", company_id, None))
        staff = account.links.of("companies", company_id, "contacts")
        if staff and rng.random() < 0.7:
            contact_id = pick(rng, staff)[0]
    if contact_id and rng.random() < _RETAIL_SHARE:
        # One contact for all retail buyers: its list of leads is very long (facts §9.32).
        contact_id = int(account.collections["contacts"].ids[0])
    if contact_id:
        account.links.add(Edge("leads", id_, "contacts", contact_id, True))
        second = account.some_id("contacts", rng)
        if second and second != contact_id and rng.random() < 0.1:
            account.links.add(Edge("leads", id_, "contacts", second, False))
    for edge in goods(account, "leads", id_, rng) if rng.random() < 0.15 else ():
        account.links.add(edge)


def _blocks(account: Account, document: Json, rng: Random) -> tuple[bytes, ...]:
    reason, source = b',"loss_reason":[]', b',"source":null'
    if document["loss_reason_id"]:
        # A list of one, although documented as an object (facts §5.8).
        path = f"leads/loss_reasons/{document['loss_reason_id']}"
        text = account.encode(loss_reason(account, document["loss_reason_id"]))
        reason = f',"loss_reason":[{text[:-1]},"_links":{wire.self_link(path)}}}]'.encode()
    elif rng.random() < 0.5:
        reason = b""
    if document["source_id"]:
        shown = {"id": document["source_id"], "name": SOURCES[document["source_id"]]}
        source = f',"source":{account.encode(shown)}'.encode()
    by_robot = b',"is_price_modified_by_robot":' + (b"true" if rng.random() < 0.1 else b"false")
    return reason, source, by_robot
