"""Companies: firms as they stand in the CRM, some of them more than once."""

from __future__ import annotations

from random import Random

from sandbox.generate import emails, firms, legal_ids, phones
from sandbox.generate.account import Account, later, row
from sandbox.generate.firms import Firm
from sandbox.generate.oddities import TEXTS
from sandbox.generate.shapes import legal_entity, multitext
from sandbox.generate.values import field_values
from sandbox.generate.words import pick
from sandbox.store import Row
from sandbox.streams import STREAMS
from sandbox.wire import Json

STREAM = STREAMS["companies"]
FIRST_ID = 20_000_001
_DUPLICATES = 0.04


def company(account: Account, rng: Random, number: int, id_: int, created_at: int) -> Row:
    """Return one company; `number` counts companies and takes turns of rare things."""
    firm = account.firms[id_] = _firm(account, rng)
    owner = account.person(rng)
    odd = number % 60 == 7
    document = {
        "id": id_,
        "name": TEXTS[number // 60 % len(TEXTS)] if odd else firm.name,
        "responsible_user_id": owner.id,
        "group_id": owner.group_id,
        "created_by": author(account, rng),
        "updated_by": author(account, rng),
        "created_at": created_at,
        "updated_at": later(rng, created_at, account.now),
        "closest_task_at": closest_task(account, rng),
        "is_deleted": False,
        "custom_fields_values": field_values(account, "companies", rng, number, _known(
            account, firm, rng)),
        "account_id": account.id,
    }  # fmt: skip
    return row(account, STREAM, document, embedded=tags(account, "companies", rng))


def _firm(account: Account, rng: Random) -> Firm:
    if account.distinct_firms and rng.random() < _DUPLICATES:
        return firms.again(pick(rng, account.distinct_firms), rng)
    account.distinct_firms.append(firms.firm(account.words, rng))
    return account.distinct_firms[-1]


def _known(account: Account, firm: Firm, rng: Random) -> dict[str, list[Json]]:
    phone, email = account.fields["companies"][:2]
    known: dict[str, list[Json]] = {}
    if rng.random() < 0.9:
        texts = [phones.typed(firm.phone, rng)]
        if rng.random() < 0.3:
            texts.append(phones.typed(phones.mobile(rng), rng))
        known["PHONE"] = multitext(phone, texts, rng)
    if rng.random() < 0.7:
        known["EMAIL"] = multitext(email, [emails.typed(firm.mail, rng)], rng)
    if rng.random() < 0.4:
        known["WEB"] = [{"value": pick(rng, ("http://{}", "{}", "https://www.{}/")).format(
            firm.domain)}]  # fmt: skip
    if rng.random() < 0.5:
        known["ADDRESS"] = [{"value": firm.address}]
    if firm.inn and rng.random() < 0.4:
        known["Реквизиты"] = [legal_entity(firm, rng)]
    if firm.inn and rng.random() < 0.5:
        known["ИНН"] = [{"value": legal_ids.typed_inn(firm.inn, firm.kpp, rng)}]
        known["КПП"] = [{"value": firm.kpp}] if firm.kpp else []
    return known


def author(account: Account, rng: Random) -> int:
    """Return who made or changed something; 0 is a robot, not a user (facts §4)."""
    return 0 if rng.random() < 0.1 else account.person(rng).id


def closest_task(account: Account, rng: Random) -> int | None:
    """Return when the next task is due, for those that have one."""
    return account.now + int((rng.random() - 0.3) * 864_000) if rng.random() < 0.2 else None


def tags(account: Account, entity: str, rng: Random) -> str:
    """Return the head of `_embedded`: tags are always in it (facts §5.8)."""
    chosen = ""
    if rng.random() < 0.35:
        some = rng.sample(account.tags[entity], 1 + int(rng.random() ** 2 * 4))
        chosen = ",".join(some)
    return f',"_embedded":{{"tags":[{chosen}]'
