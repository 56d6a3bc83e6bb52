"""Customers, who buy again and again, and their transactions."""

from __future__ import annotations

from random import Random

from sandbox import wire
from sandbox.generate.account import CATALOG_IDS, Account, later, moments, row
from sandbox.generate.companies import author, closest_task, tags
from sandbox.generate.funnel import (
    CUSTOMER_STATUSES,
    FIRST_CUSTOMER_STATUS,
    FIRST_SEGMENT,
    SEGMENTS,
)
from sandbox.generate.values import field_values
from sandbox.generate.words import pick
from sandbox.links import Edge
from sandbox.store import Row
from sandbox.streams import STREAMS

STREAM = STREAMS["customers"]
TRANSACTIONS = STREAMS["customers/transactions"]
FIRST_ID = 5_000_001
FIRST_TRANSACTION = 700_001


def customer(account: Account, rng: Random, number: int, id_: int, created_at: int) -> Row:
    """Return one customer and link it to its contact and company."""
    company_id, contact_id = account.some_id("companies", rng), account.some_id("contacts", rng)
    if contact_id:
        account.links.add(Edge("customers", id_, "contacts", contact_id, True))
    if company_id and rng.random() < 0.6:
        account.links.add(Edge("customers", id_, "companies", company_id, None))
    purchases, check = int(rng.random() * 12), int(rng.random() * 50_000)
    owner = account.person(rng)
    document = {
        "id": id_,
        "name": f"Покупатель {pick(rng, account.words.names).initials}",
        "next_price": check,
        "next_date": account.now + int(rng.random() * 9e6) if rng.random() < 0.9 else None,
        "responsible_user_id": owner.id,
        "group_id": owner.group_id if rng.random() < 0.8 else None,
        "status_id": FIRST_CUSTOMER_STATUS + 2 * int(rng.random() * len(CUSTOMER_STATUSES)),
        "periodicity": pick(rng, (0, 7, 30, 90)),
        "created_by": author(account, rng),
        "updated_by": author(account, rng),
        "created_at": created_at,
        "updated_at": later(rng, created_at, account.now),
        "closest_task_at": closest_task(account, rng),
        "is_deleted": False,
        "custom_fields_values": field_values(account, "customers", rng, number, {}),
        "ltv": purchases * check,
        "purchases_count": purchases,
        "average_check": check,
        "account_id": account.id,
    }
    segment_id = FIRST_SEGMENT + 2 * int(rng.random() * len(SEGMENTS))
    link = wire.self_link(f"customers/segments/{segment_id}")
    segments = f'[{{"id":{segment_id},"_links":{link}}}]' if rng.random() < 0.6 else "[]"
    head = f'{tags(account, "customers", rng)},"segments":{segments}'
    return row(account, STREAM, document, embedded=head)


def add_transactions(account: Account) -> None:
    """Put purchases of the customers into the account."""
    rng = account.rng("transactions")
    count = 3 * account.size.customers
    ids = account.take_ids(TRANSACTIONS, rng, count, FIRST_TRANSACTION)
    made = zip(ids, moments(rng, account.now, count), strict=True)
    account.collection(TRANSACTIONS).add(_transaction(account, rng, id_, at) for id_, at in made)


def _transaction(account: Account, rng: Random, id_: int, created_at: int) -> Row:
    customer_id = account.some_id("customers", rng) or 0
    catalog_id = CATALOG_IDS["products"]
    element_id = account.some_id(f"catalogs/{catalog_id}/elements", rng)
    metadata = {"catalog_id": catalog_id, "quantity": 1 + int(rng.random() * 5)}
    element = account.encode({"id": element_id, "metadata": metadata})
    link = wire.self_link(f"customers/{customer_id}")
    document = {
        "id": id_,
        "price": int(rng.random() * 50_000),
        "comment": pick(rng, account.words.remarks) if rng.random() < 0.3 else None,
        "completed_at": created_at,
        "customer_id": customer_id,
        "created_by": author(account, rng),
        "updated_by": author(account, rng),
        "created_at": created_at,
        "updated_at": created_at,
        "is_deleted": False,
        "account_id": account.id,
    }
    head = (
        f',"_embedded":{{"customer":{{"id":{customer_id},"_links":{link}}},'
        f'"catalog_elements":[{element if rng.random() < 0.5 else ""}]}}'
    )
    path = f"customers/{customer_id}/transactions/{id_}"
    return row(account, TRANSACTIONS, document, path, embedded=head)
