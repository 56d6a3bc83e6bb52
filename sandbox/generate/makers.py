"""One maker of values for each type of custom field (facts §6)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from random import Random

from sandbox.generate import emails, legal_ids, phones
from sandbox.generate.account import CATALOG_IDS, HISTORY_SECONDS, YEAR, Account
from sandbox.generate.fields import Field
from sandbox.generate.firms import firm
from sandbox.generate.oddities import TEXTS
from sandbox.generate.shapes import chosen_values, legal_entity, multitext, uuid
from sandbox.generate.words import pick
from sandbox.wire import Json

Maker = Callable[[Random, Field, Account], list[Json]]

_NUMBERS = ("0", "12", "14012", "3.5", "1234567.89", "-7", "0.001", "1e3", "", "1 200")
_ADDRESS_PARTS = (
    "address_line_1", "address_line_2", "city", "state", "zip", "country",
)  # fmt: skip
_URLS = (
    "https://romashka.example/kp/{n}", "http://пример.рф/путь?q={n}", "www.stroy{n}.example",
    "vk.com/club{n}", "нет сайта", "https://disk.example/i/%D1%84%D0%B0%D0%B9%D0%BB{n}",
)  # fmt: skip


def _text(rng: Random, field: Field, account: Account) -> list[Json]:
    special = _SPECIAL_TEXTS.get(field.key)
    if special is not None:
        return [{"value": special(rng, account)}]
    return [{"value": pick(rng, TEXTS if rng.random() < 0.3 else account.words.remarks)}]


def _inn(rng: Random, account: Account) -> str:
    inn = legal_ids.inn12(rng) if rng.random() < 0.3 else legal_ids.inn10(rng)
    return legal_ids.typed_inn(inn, legal_ids.kpp(inn, rng), rng)


_SPECIAL_TEXTS: dict[str, Callable[[Random, Account], str]] = {
    "ИНН": _inn,
    "КПП": lambda rng, account: legal_ids.kpp(legal_ids.inn10(rng), rng),
    "ОГРН": lambda rng, account: legal_ids.ogrn(rng),
    "POSITION": lambda rng, account: pick(rng, account.words.occupations),
    "SKU": lambda rng, account: f"АРТ-{int(rng.random() * 100_000):05d}",
    "UTM_SOURCE": lambda rng, account: pick(rng, ("yandex", "google", "vk", "telegram")),
    "UTM_CAMPAIGN": lambda rng, account: f"{int(rng.random() * 1e8)}|поиск|{{keyword}}",
    "_YM_UID": lambda rng, account: f"16{rng.getrandbits(60)}",
}


def _multitext(rng: Random, field: Field, account: Account) -> list[Json]:
    if field.code == "PHONE":
        text = phones.typed(phones.mobile(rng), rng)
    elif field.code == "EMAIL":
        mail = emails.person_mail(pick(rng, account.words.names), None, rng)
        text = emails.typed(mail, rng)
    else:
        text = f"live:user_{int(rng.random() * 10_000)}"
    return multitext(field, [text], rng)


def _number(rng: Random, field: Field, account: Account) -> list[Json]:
    chance = rng.random()
    if chance < 0.05:
        # Old answers had real numbers here.
        return [{"value": int(rng.random() * 1000) if chance < 0.03 else 12.5}]
    if chance < 0.25:
        return [{"value": pick(rng, _NUMBERS)}]
    return [{"value": str(int(rng.random() * 100_000))}]


def _money(rng: Random, field: Field, account: Account) -> list[Json]:
    whole = int(rng.random() * 10_000_000)
    return [{"value": str(whole) if rng.random() < 0.7 else f"{whole}.{whole % 100:02d}"}]


def _checkbox(rng: Random, field: Field, account: Account) -> list[Json]:
    return [{"value": rng.random() < 0.7}]


def _url(rng: Random, field: Field, account: Account) -> list[Json]:
    return [{"value": pick(rng, _URLS).format(n=int(rng.random() * 1000))}]


def _date(rng: Random, field: Field, account: Account) -> list[Json]:
    moment = account.now - int(rng.random() * HISTORY_SECONDS)
    moment -= moment % 86_400
    chance = rng.random()
    if chance < 0.85:
        return [{"value": moment}]
    # Old data holds dates as text (facts §6).
    day = datetime.fromtimestamp(moment, UTC)
    return [{"value": f"{day:%Y-%m-%d}" if chance < 0.93 else f"{day:%Y-%m-%dT%H:%M:%S}+03:00"}]


def _moment(rng: Random, field: Field, account: Account) -> list[Json]:
    return [{"value": account.now - int(rng.random() * HISTORY_SECONDS)}]


def _birthday(rng: Random, field: Field, account: Account) -> list[Json]:
    # From 1940 on: negative before 1970.
    day = int((rng.random() * 65 - 30) * YEAR)
    return [{"value": day - day % 86_400}]


def _choice(rng: Random, field: Field, account: Account) -> list[Json]:
    return chosen_values(pick(rng, field.enums), rng)


def _choices(rng: Random, field: Field, account: Account) -> list[Json]:
    count = 1 + int(rng.random() * len(field.enums))
    enums = sorted(rng.sample(field.enums, count), key=lambda enum: enum.sort)
    return [value for enum in enums for value in chosen_values(enum, rng)]


def _category(rng: Random, field: Field, account: Account) -> list[Json]:
    enum = pick(rng, field.enums)
    return [{"value": enum.value, "enum_id": enum.id}]


def _smart_address(rng: Random, field: Field, account: Account) -> list[Json]:
    street = f"{pick(rng, account.words.streets)}, {1 + int(rng.random() * 99)}"
    parts = (street, "", pick(rng, account.words.cities), "", str(100_000 + rng.getrandbits(18)),
             "RU")  # fmt: skip
    return [
        {"value": part, "enum_id": number, "enum_code": code}
        for number, (part, code) in enumerate(zip(parts, _ADDRESS_PARTS, strict=True), 1)
        if part
    ]


def _street_address(rng: Random, field: Field, account: Account) -> list[Json]:
    return [{"value": f"{pick(rng, account.words.cities)}, {pick(rng, account.words.streets)}"}]


def _legal_entity(rng: Random, field: Field, account: Account) -> list[Json]:
    count = 2 if rng.random() < 0.1 else 1
    return [legal_entity(firm(account.words, rng), rng) for _ in range(count)]


def _legal_name(rng: Random, field: Field, account: Account) -> list[Json]:
    brand = pick(rng, account.words.brands)
    return [{"value": f"Общество с ограниченной ответственностью «{brand}»"}]


def _chained_list(rng: Random, field: Field, account: Account) -> list[Json]:
    # The only type without the key `value` (facts §6).
    first = {"catalog_id": CATALOG_IDS["products"], "catalog_element_id": _element(rng)}
    second = {"catalog_id": CATALOG_IDS["regular"], "catalog_element_id": _element(rng)}
    return [first, second] if rng.random() < 0.7 else [first]


def _element(rng: Random) -> int:
    return 600_001 + int(rng.random() * 50)


def _file(rng: Random, field: Field, account: Account) -> list[Json]:
    name = f"Договор №{int(rng.random() * 1000)} (подписан).pdf"
    return [{"value": {"file_uuid": uuid(rng), "version_uuid": uuid(rng), "file_name": name,
                       "file_size": rng.getrandbits(22)}}]  # fmt: skip


def _items(rng: Random, field: Field, account: Account) -> list[Json]:
    return [{"value": _item(rng)} for _ in range(1 + int(rng.random() * 4))]


def _item(rng: Random) -> Json:
    price, quantity = round(rng.random() * 10_000, 2), 1 + int(rng.random() * 20)
    return {
        "sku": f"АРТ-{int(rng.random() * 1000)}",
        "product_id": _element(rng) if rng.random() < 0.6 else None,
        "description": "Товар",
        "unit_price": price,
        "unit_type": "шт.",
        "quantity": float(quantity) if rng.random() < 0.5 else quantity,
        "discount": {"type": pick(rng, ("amount", "percentage")), "value": 25.0},
        "vat_rate_id": 1,
        "vat_rate_value": 20,
        "bonus_points_per_purchase": 0.0,
        "external_uid": "",
        "metadata": [],
        "is_discount_recalculated": False,
        "is_total_sum_recalculated": False,
        "total_sum": round(price * quantity, 2),
    }


def _linked_entity(rng: Random, field: Field, account: Account) -> list[Json]:
    entity = pick(rng, ("contacts", "companies"))
    return [{"value": {"name": pick(rng, account.words.names).initials, "entity_type": entity,
                       "entity_id": account.some_id(entity, rng), "catalog_id": None}}]  # fmt: skip


def _payer(rng: Random, field: Field, account: Account) -> list[Json]:
    if rng.random() < 0.5:
        name = pick(rng, account.words.names).initials
        entity_id = account.some_id("contacts", rng)
        return [{"value": {"name": name, "entity_id": entity_id, "entity_type": "contacts"}}]
    payer = firm(account.words, rng)
    return [{"value": {"name": payer.name, "type": "legal", "address": payer.address,
                       "phone": payer.phone, "email": payer.mail, "vat_id": payer.inn,
                       "kpp": payer.kpp or None}}]  # fmt: skip


def _supplier(rng: Random, field: Field, account: Account) -> list[Json]:
    return [{"value": {"entity_id": _element(rng)}}]


MAKERS: dict[str, Maker] = {
    "text": _text,
    "textarea": _text,
    "tracking_data": _text,
    "org_legal_name": _legal_name,
    "streetaddress": _street_address,
    "numeric": _number,
    "price": _number,
    "monetary": _money,
    "checkbox": _checkbox,
    "url": _url,
    "date": _date,
    "date_time": _moment,
    "birthday": _birthday,
    "select": _choice,
    "radiobutton": _choice,
    "multiselect": _choices,
    "category": _category,
    "smart_address": _smart_address,
    "multitext": _multitext,
    "legal_entity": _legal_entity,
    "chained_list": _chained_list,
    "file": _file,
    "items": _items,
    "linked_entity": _linked_entity,
    "payer": _payer,
    "supplier": _supplier,
}
