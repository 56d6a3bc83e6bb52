"""Companies and contacts with phones, e-mail and INN, and what the rules make of them.

expected() follows docs/DUPLICATES.md step by step in plain Python, one card after another: it
shares no idea of how with the SQL that it is compared to.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from sandbox.generate.legal_ids import inn10, inn12
from tests.support.staged import field_value

FREE_MAIL = ("mail.ru", "gmail.com")
ROLES = ("info", "buh")


@dataclass(frozen=True, slots=True)
class Card:
    """What stands on one company or contact. A phone is ten digits, or those, blank, extension."""

    id: int
    inn: str = ""
    kpp: str = ""
    phones: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """The card as amoCRM sends it."""
        phones = [spelt(phone, self.id + n) for n, phone in enumerate(self.phones)]
        fields = [
            field_value(1, "multitext", *phones, field_code="PHONE"),
            field_value(2, "multitext", *self.emails, field_code="EMAIL"),
            field_value(3, "text", *filter(None, [self.inn]), field_name="ИНН"),
            field_value(4, "text", *filter(None, [self.kpp]), field_name="КПП"),
        ]
        return {
            "id": self.id,
            "name": f"Карточка {self.id}",
            "updated_at": 1_700_000_000,
            "custom_fields_values": [field for field in fields if field["values"]],
        }

    @property
    def richness(self) -> int:
        return len(self.phones) + len(self.emails) + bool(self.inn) + bool(self.kpp)


def spelt(phone: str, way: int) -> str:
    """One of the ways to type a number: duplicates are seldom spelt alike."""
    number, _, extension = phone.partition(" ")
    spellings = (f"+7{number}", f"8 ({number[:3]}) {number[3:6]}-{number[6:]}", f"8{number}")
    return spellings[way % 3] + (f" доб. {extension}" if extension else "")


def apart(cards: Iterable[Card], number: int) -> list[Card]:
    """The same cards with ids and values of their own, so that many cases fit into one account."""
    rng = {inn: Random(f"{number} {inn}") for inn in (card.inn for card in cards) if inn}
    inns = {inn: (inn12 if len(inn) == 12 else inn10)(chance) for inn, chance in rng.items()}
    return [
        replace(
            card,
            id=1000 * number + card.id,
            inn=inns.get(card.inn, ""),
            phones=tuple(f"{phone[:6]}{number:03d}{phone[9:]}" for phone in card.phones),
            emails=tuple(_elsewhere(mail, number) for mail in card.emails),
        )
        for card in cards
    ]


def _elsewhere(mail: str, number: int) -> str:
    name, _, domain = mail.partition("@")
    if domain.lower() not in FREE_MAIL:
        return f"{name}@{number}{domain}"
    return mail if name.lower() in ROLES else f"{name}{number}@{domain}"


def documents(cards: Iterable[Card]) -> list[dict[str, Any]]:
    return [card.document() for card in cards]


@dataclass(frozen=True, slots=True)
class Cluster:
    """What one firm amounts to; matched_by has an entry for each of the ids."""

    ids: frozenset[int]
    master: int
    matched_by: Mapping[int, str]


def expected(cards: Sequence[Card], most: int = 5, most_inn: int = 100) -> list[Cluster]:
    """The clusters, in the order of their smallest ids."""
    group = {card.id: card.id for card in cards}
    firm = _firms(cards)
    links = {("inn", *key): same for key, same in _sharers(firm.items()) if len(same) <= most_inn}
    for same in links.values():
        group.update(dict.fromkeys(same, min(same)))
    for kind in ("phone", "email"):
        sharers = _sharers((card.id, value) for card in cards for value in _values(kind, card))
        # A number counts with all its extensions, but with each of them it is another phone.
        crowds = dict(
            _sharers((c.id, value.partition(" ")[0]) for c in cards for value in _values(kind, c))
        )
        found = {
            (kind, value): same
            for value, same in sharers
            if len(crowds[value.partition(" ")[0]]) <= most
            and len({firm[one] for one in same if one in firm}) <= 1
        }
        _link(list(found.values()), group, firm)
        links |= found
    members: dict[int, set[int]] = defaultdict(set)
    for one, root in group.items():
        members[root].add(one)
    clusters = sorted((ids for ids in members.values() if len(ids) > 1), key=min)
    return [_cluster(ids, {card.id: card for card in cards}, links) for ids in clusters]


def _firms(cards: Sequence[Card]) -> dict[int, tuple[str, str]]:
    kpps: dict[str, set[str]] = defaultdict(set)
    for card in cards:
        kpps[card.inn] |= {card.kpp} - {""} if len(card.inn) == 10 else set()
    return {
        card.id: (card.inn, card.kpp if len(kpps[card.inn]) > 1 else "")
        for card in cards
        if card.inn
    }


def _sharers(pairs: Iterable[tuple[int, Any]]) -> list[tuple[Any, set[int]]]:
    """Each value that more than one card has, and whose."""
    by_value: dict[Any, set[int]] = defaultdict(set)
    for one, value in pairs:
        by_value[value].add(one)
    return [(value, same) for value, same in by_value.items() if len(same) > 1]


def _values(kind: str, card: Card) -> set[str]:
    if kind == "phone":
        return set(card.phones)
    telling = set()
    for mail in card.emails:
        name, _, domain = mail.lower().partition("@")
        if domain not in FREE_MAIL:
            telling |= {mail.lower(), domain}
        elif name not in ROLES:
            telling.add(mail.lower())
    return telling


def _link(links: list[set[int]], group: dict[int, int], firm: dict[int, tuple[str, str]]) -> None:
    """What has no firm comes together, then joins the one firm that it shares something with."""

    def move(froms: set[int], root: int) -> None:
        group.update({one: root for one in group if group[one] in froms})

    has_moved = True
    while has_moved:
        has_moved = False
        for same in links:
            strays = {group[one] for one in same - firm.keys()}
            if len(strays) > 1:
                has_moved = True
                move(strays, min(strays))
    owners: dict[int, set[int]] = defaultdict(set)
    for same in links:
        for stray in same - firm.keys():
            owners[group[stray]] |= {group[one] for one in same & firm.keys()}
    for stray, roots in owners.items():
        if len(roots) == 1:
            (root,) = roots
            firm.update({one: firm[root] for one in group if group[one] == stray})
            move({stray}, root)


def _cluster(ids: set[int], by_id: Mapping[int, Card], links: Mapping[Any, set[int]]) -> Cluster:
    matched_by = {
        one: min(
            (key[0] for key, same in links.items() if one in same and len(same & ids) > 1),
            key=("inn", "phone", "email").index,
        )
        for one in ids
    }
    master = min(ids, key=lambda one: (not by_id[one].inn, -by_id[one].richness, one))
    return Cluster(frozenset(ids), master, matched_by)
