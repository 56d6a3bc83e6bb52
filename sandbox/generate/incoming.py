"""Unsorted requests that wait for a manager, and talks in messengers (facts §5.19, §5.20)."""

from __future__ import annotations

from random import Random

from sandbox import wire
from sandbox.generate.account import Account, later, moments, row
from sandbox.generate.funnel import PIPELINES
from sandbox.generate.shapes import uuid
from sandbox.generate.words import pick
from sandbox.store import Row
from sandbox.streams import STREAMS
from sandbox.wire import Json

UNSORTED = STREAMS["leads/unsorted"]
TALKS = STREAMS["talks"]
FIRST_TALK = 117
_CATEGORIES = ("forms", "sip", "mail", "chats")


def add_incoming(account: Account) -> None:
    """Put both into the account."""
    rng = account.rng("unsorted")
    count = 12 + account.size.companies // 100
    account.collection(UNSORTED).add(
        _request(account, rng, number, at)
        for number, at in enumerate(moments(rng, account.now, count))
    )
    count = 5 + account.size.companies // 10 if account.size.contacts else 0
    ids = account.take_ids(TALKS, rng, count, FIRST_TALK)
    made = zip(ids, moments(rng, account.now, count), strict=True)
    account.collection(TALKS).add(
        talk(account, rng, number, id_, at) for number, (id_, at) in enumerate(made)
    )


def _request(account: Account, rng: Random, number: int, created_at: int) -> Row:
    category = _CATEGORIES[number % 4]
    document = {
        "uid": f"{rng.getrandbits(160):040x}",
        "source_uid": f"{category}-1" if number % 3 else None,
        "source_name": "Сайт" if number % 2 else None,
        "category": category,
        "pipeline_id": next(iter(PIPELINES)),
        "created_at": created_at,
        "metadata": _metadata(account, rng, category, number, created_at),
        "account_id": account.id,
    }
    # The entities of a request are in no list until it is accepted (facts §5.9).
    embedded = {
        entity: [{"id": first + number}] if entity != "companies" else []
        for entity, first in {"contacts": 39_000_001, "leads": 49_000_001, "companies": 0}.items()
    }
    head = f',"_embedded":{account.encode(embedded)}'
    return row(account, UNSORTED, document, embedded=head)


def _metadata(account: Account, rng: Random, category: str, number: int, at: int) -> Json:
    odd = number % 8 < 4
    if category == "forms":
        return {"form_id": "f1", "form_name": "Заявка", "form_page": "https://acme.example",
                "ip": "192.0.2.1", "form_sent_at": str(at) if odd else at,
                "referer": "https://ya.example/?q=%D1%82", "visitor_uid": None}  # fmt: skip
    if category == "sip":
        return {"from": "79160000000", "phone": 79160000000 if odd else "+7 916 000-00-00",
                "called_at": at, "duration": "0" if odd else 12, "link": None,
                "service_code": "sandbox_telephony", "uniq": uuid(rng)}  # fmt: skip
    if category == "mail":
        return {"from": {"email": "client@mail.ru", "name": "Клиент"}, "received_at": at,
                "subject": pick(rng, account.words.deals), "thread_id": number,
                "message_id": number, "content_summary": "Здравствуйте!"}  # fmt: skip
    return {"from": "telegram", "to": "Отдел продаж", "received_at": at, "service": "telegram",
            "client": {"name": "Клиент 🙂"}, "origin": {"chat_id": uuid(rng)},
            "last_message_text": "Цена?", "source_name": "Telegram-бот"}  # fmt: skip


def talk(account: Account, rng: Random, number: int, id_: int, created_at: int) -> Row:
    """Return one talk, with a contact and mostly with a lead."""
    contact_id = account.some_id("contacts", rng)
    # Some are about nothing but the contact.
    lead_id = account.some_id("leads", rng) if number % 4 else None
    document: Json = {
        "talk_id": id_,
        "created_at": created_at,
        "updated_at": later(rng, created_at, account.now),
        "rate": 0,
        "contact_id": contact_id,
        "chat_id": uuid(rng),
        "entity_id": lead_id,
        "entity_type": "lead" if lead_id else None,
        "is_in_work": number % 2 == 0,
        "is_read": True,
        "origin": "telegram",
        "missed_at": created_at + 3600 if number % 3 == 0 else None,
        "account_id": account.id,
    }
    embedded = {
        "contacts": [{"id": contact_id}] if contact_id else [],
        "leads": [{"id": lead_id}] if lead_id else [],
        "customers": [],
    }
    core = account.encode(document)[:-1] + f',"_links":{wire.self_link(f"talks/{id_}")}'
    core += f',"_embedded":{account.encode(embedded)}'
    return Row(id_, created_at, document["updated_at"], (), core.encode())
