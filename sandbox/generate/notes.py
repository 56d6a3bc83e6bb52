"""Notes of every type of facts §5.16, and of one type that nobody has heard of."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from sandbox.generate import phones
from sandbox.generate.account import Account, later, row
from sandbox.generate.companies import author
from sandbox.generate.oddities import TEXTS
from sandbox.generate.shapes import uuid
from sandbox.generate.words import latin, pick
from sandbox.store import Row
from sandbox.streams import STREAMS
from sandbox.wire import Json

FIRST_ID = 100_000_001
SHARES = {"leads": 0.5, "contacts": 0.3, "companies": 0.15, "customers": 0.05}
_PINNED = (b',"is_pinned":false', b',"is_pinned":true')


def note(
    account: Account, rng: Random, number: int, id_: int, created_at: int, *, entity: str
) -> Row | None:
    """Return one note of an entity; its type takes turns so that even few notes have all."""
    entity_id = account.some_id(entity, rng)
    if entity_id is None:
        return None
    turn = number // 4
    kind = _RARE[turn % len(_RARE)] if number % 4 == 3 else pick(rng, _USUAL)
    owner = account.person(rng)
    document = {
        "id": id_,
        "entity_id": entity_id,
        "created_by": author(account, rng),
        "updated_by": author(account, rng),
        "created_at": created_at,
        "updated_at": later(rng, created_at, account.now),
        "responsible_user_id": owner.id,
        "group_id": owner.group_id,
        "note_type": kind,
        "params": PARAMS[kind](account, rng, turn),
        "account_id": account.id,
    }
    stream = STREAMS[f"{entity}/notes"]
    path = f"{entity}/{entity_id}/notes/{id_}"
    return row(account, stream, document, path, blocks=(_PINNED[number % 11 == 0],))


def _text(account: Account, rng: Random, turn: int) -> str:
    return TEXTS[turn % len(TEXTS)] if rng.random() < 0.05 else pick(rng, account.words.remarks)


def _common(account: Account, rng: Random, turn: int) -> Json:
    return {"text": _text(account, rng, turn)}


def _call(account: Account, rng: Random, turn: int) -> Json:
    record = uuid(rng)
    params: Json = {
        "uniq": record if turn % 9 else rng.getrandbits(40),
        "duration": int(rng.random() ** 2 * 900),
        "source": "Mango Office",
        "link": f"https://records.example/{record}.mp3" if turn % 4 else None,
        "phone": phones.typed(phones.mobile(rng), rng),
    }
    if turn % 2:
        params["call_status"] = 1 + turn % 7
        params["call_result"] = pick(rng, ("Договорились", "Занято", "", None))
        # A user id, or what the telephony calls the person (facts §5.16).
        who = account.person(rng)
        params["call_responsible"] = who.id if turn % 3 else who.name
    return params


def _attachment(account: Account, rng: Random, turn: int) -> Json:
    name = f"Счёт {turn} от «{pick(rng, account.words.brands)}».pdf"
    params: Json = {"text": name, "original_name": name, "file_name": f"{latin(name)}.pdf"}
    if turn % 3:
        params |= {
            "file_uuid": uuid(rng),
            "version_uuid": uuid(rng),
            "is_drive_attachment": True,
        }
    return params


def _service(account: Account, rng: Random, turn: int) -> Json:
    return {"service": "Робот", "text": _text(account, rng, turn)}


def _cashier(account: Account, rng: Random, turn: int) -> Json:
    return {"status": ("created", "shown", "canceled")[turn % 3], "text": "Оплата на кассе"}


def _geolocation(account: Account, rng: Random, turn: int) -> Json:
    return {
        "text": "Точка на карте",
        "address": pick(rng, account.words.cities),
        "longitude": f"{37 + rng.random():.6f}",
        "latitude": f"{55 + rng.random():.6f}",
    }


def _sms(account: Account, rng: Random, turn: int) -> Json:
    return {"text": _text(account, rng, turn), "phone": phones.typed(phones.mobile(rng), rng)}


def _mail(account: Account, rng: Random, turn: int) -> Json:
    # Few message ids: one mail hangs on several entities (facts §5.16).
    message_id = int(rng.random() * (1 + account.size.notes // 20))
    who = pick(rng, account.words.names)
    return {
        "thread_id": str(message_id // 3),
        "message_id": str(message_id),
        "private": False,
        "income": turn % 2 == 0,
        "from": {"email": f"{latin(who.last)}@mail.ru", "name": f"{who.first} {who.last}"},
        "to": {"email": "office@acme.example"},
        "version": 2,
        "subject": f"Re: {pick(rng, account.words.deals)}",
        "content_summary": _text(account, rng, turn),
        "attach_cnt": turn % 3,
        "delivery": {"status": "sent", "time": account.now, "reason": None},
    }


def _url(account: Account, rng: Random, turn: int) -> Json:
    return {"url": f"https://acme.example/catalog?id={turn}&utm_source=%D1%8F"}


def _targeting(account: Account, rng: Random, turn: int) -> Json:
    return {"contacts": [account.some_id("contacts", rng)], "campaign": 7, "service": "vk"}


def _paid(account: Account, rng: Random, turn: int) -> Json:
    return {"service": "Счета", "text": f"Счёт {turn} оплачен", "icon_url": "/i/paid.png"}


def _other(params: Any) -> Callable[[Account, Random, int], Any]:
    return lambda account, rng, turn: params


PARAMS: dict[str, Callable[[Account, Random, int], Any]] = {
    "common": _common,
    "call_in": _call,
    "call_out": _call,
    "attachment": _attachment,
    "service_message": _service,
    "extended_service_message": _service,
    "message_cashier": _cashier,
    "geolocation": _geolocation,
    "sms_in": _sms,
    "sms_out": _sms,
    "amomail_message": _mail,
    "site_visit": _url,
    "link_followed": _url,
    "targeting_in": _targeting,
    "targeting_out": _targeting,
    "transaction": lambda account, rng, turn: {"transaction_id": 700_001 + turn},
    "invoice_paid": _paid,
    "bill_paid": _paid,
    "zoom_meeting": _other({"conference": {"id": 1, "topic": "Встреча"}, "recordings": []}),
    "dropbox_attachment": _other({"link": "https://dropbox.example/f", "filename": "f.zip"}),
    "ai_result": _other({"text": "Итог", "answer_id": "a1", "talk_id": 117, "is_error": False}),
    # Old, without params; an empty object is an empty list in PHP (facts §4).
    "chat": _other([]),
    "lead_auto_created": _other(
        {"type": "auto", "lead_type": 1, "lead_id": 1, "link": {"id": 1, "type": "contacts"}}
    ),
    "sandbox_unheard_of": _other({"anything": [1, None, {"глубже": True}], "text": None}),
}
_RARE = tuple(PARAMS)
_USUAL = (*["common"] * 6, "call_in", "call_in", "call_out", "amomail_message")
