"""Contacts: people, most of them of some company, some of them more than once."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from sandbox.generate import emails, phones
from sandbox.generate.account import Account, Person, later, row
from sandbox.generate.companies import author, closest_task, tags
from sandbox.generate.firms import Firm
from sandbox.generate.oddities import TEXTS
from sandbox.generate.shapes import multitext
from sandbox.generate.values import field_values
from sandbox.generate.words import Name, pick
from sandbox.links import Edge
from sandbox.store import Row
from sandbox.streams import STREAMS
from sandbox.wire import Json

STREAM = STREAMS["contacts"]
FIRST_ID = 30_000_001
_DUPLICATES = 0.08
_PROFILES = (b',"social_profiles":[]',)


def contact(account: Account, rng: Random, number: int, id_: int, created_at: int) -> Row:
    """Return one contact and link it to its company."""
    company_id = account.some_id("companies", rng) if rng.random() < 0.85 else None
    firm = account.firms[company_id] if company_id else None
    if company_id:
        account.links.add(Edge("contacts", id_, "companies", company_id, None))
    person = account.people[id_] = _person(account, firm, rng)
    owner = account.person(rng)
    document = {
        "id": id_,
        **_names(person.name, number, rng),
        "responsible_user_id": owner.id,
        "group_id": owner.group_id,
        "created_by": author(account, rng),
        "updated_by": author(account, rng),
        "created_at": created_at,
        "updated_at": later(rng, created_at, account.now),
        "closest_task_at": closest_task(account, rng),
        "is_deleted": False,
        "is_unsorted": False,
        "custom_fields_values": field_values(
            account, "contacts", rng, number, _known(account, person, firm, rng)
        ),
        "account_id": account.id,
    }
    if rng.random() < 0.1:
        # Old accounts answer without these two (facts §5.9).
        del document["is_deleted"], document["is_unsorted"]
    head = tags(account, "contacts", rng)
    return row(account, STREAM, document, embedded=head, blocks=_PROFILES)


def _person(account: Account, firm: Firm | None, rng: Random) -> Person:
    """Return somebody new, or somebody known as entered a second time, with some other data."""
    number, mobile = len(account.distinct_people), phones.mobile(rng)
    name = pick(rng, account.words.names)
    mail = emails.person_mail(name, firm.domain if firm else None, rng)
    if account.distinct_people and rng.random() < _DUPLICATES:
        known = pick(rng, account.distinct_people)
        chance = rng.random()
        if chance < 0.3:
            return replace(known, mobile=mobile)
        return replace(known, mail=mail) if chance < 0.6 else known
    account.distinct_people.append(Person(number, name, mobile, mail))
    return account.distinct_people[-1]


def _names(name: Name, number: int, rng: Random) -> Json:
    if number % 60 == 11:
        return {"name": TEXTS[number // 60 % len(TEXTS)], "first_name": "", "last_name": ""}
    chance = rng.random()
    if chance < 0.35:
        return {"name": f"{name.first} {name.last}", "first_name": name.first,
                "last_name": name.last}  # fmt: skip
    if chance < 0.6:
        return {"name": f"{name.last} {name.first} {name.middle}", "first_name": "",
                "last_name": ""}  # fmt: skip
    if chance < 0.95:
        return {"name": name.first, "first_name": name.first, "last_name": None}
    return {"name": name.first.upper(), "first_name": "", "last_name": ""}


def _known(
    account: Account, person: Person, firm: Firm | None, rng: Random
) -> dict[str, list[Json]]:
    phone, email = account.fields["contacts"][:2]
    known: dict[str, list[Json]] = {}
    if rng.random() < 0.85:
        number = firm.phone if firm and rng.random() < 0.15 else person.mobile
        texts = [phones.typed(number, rng)]
        if rng.random() < 0.15:
            texts.append(phones.typed(phones.mobile(rng), rng))
        known["PHONE"] = multitext(phone, texts, rng)
    if rng.random() < 0.6:
        known["EMAIL"] = multitext(email, [emails.typed(person.mail, rng)], rng)
    if rng.random() < 0.4:
        known["POSITION"] = [{"value": pick(rng, account.words.occupations)}]
    return known
