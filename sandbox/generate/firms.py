"""Firms: their legal names in every form and spelling, their numbers, some of them twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from sandbox.generate import emails, legal_ids, phones
from sandbox.generate.words import Name, Words, latin, pick

_FORMS = (
    *["ООО"] * 56, *["ИП"] * 20, *["АО"] * 8, *["ЗАО"] * 3, *["ПАО"] * 2, *["ОАО"] * 2,
    "ГУП", "МУП", "АНО", "НКО", "ТОО", "ПК", "ФГБУ", "КФХ", "LLC",
)  # fmt: skip
_LONG = {
    "ООО": "Общество с ограниченной ответственностью",
    "АО": "Акционерное общество",
    "ИП": "Индивидуальный предприниматель",
}


@dataclass(frozen=True, slots=True)
class Firm:
    """One real-world firm; several companies of the account may be the same firm."""

    name: str
    form: str
    brand: str
    director: Name
    inn: str
    kpp: str
    ogrn: str
    phone: str
    domain: str
    mail: str
    address: str

    @property
    def is_person(self) -> bool:
        """Entrepreneurs have the longer INN and no KPP."""
        return self.form in ("ИП", "КФХ")


def firm(words: Words, rng: Random) -> Firm:
    """Make a firm that nobody has yet."""
    form, brand, director = pick(rng, _FORMS), pick(rng, words.brands), pick(rng, words.names)
    person = form in ("ИП", "КФХ")
    inn = legal_ids.inn12(rng) if person else legal_ids.inn10(rng)
    stem = latin(director.last if person else brand) or "firma"
    domain = f"{stem}{int(rng.random() * 1000) or ''}.{pick(rng, ('ru', 'ru', 'ru', 'com', 'su'))}"
    house = 1 + int(rng.random() * 140)
    index, city = 101_000 + int(rng.random() * 500_000), pick(rng, words.cities)
    return Firm(
        name=spelt(form, brand, director, rng),
        form=form,
        brand=brand,
        director=director,
        inn=inn,
        kpp="" if person else legal_ids.kpp(inn, rng),
        ogrn=legal_ids.ogrnip(rng) if person else legal_ids.ogrn(rng),
        phone=phones.SWITCHBOARD if rng.random() < 0.03 else phones.landline(rng),
        domain=domain,
        mail=emails.firm_mail(domain, rng),
        address=f"{index}, г. {city}, {pick(rng, words.streets)}, д. {house}",
    )


def again(known: Firm, rng: Random) -> Firm:
    """Return a firm as somebody entered it a second time: other spelling, some other data."""
    second = replace(known, name=spelt(known.form, known.brand, known.director, rng))
    chance = rng.random()
    if chance < 0.4:
        return replace(second, phone=phones.landline(rng))
    if chance < 0.6:
        # Only the phone tells that it is the same firm.
        return replace(second, inn="", kpp="", ogrn="", mail=emails.firm_mail("mail.ru", rng))
    return second


def spelt(form: str, brand: str, director: Name, rng: Random) -> str:
    """Return one of the ways to write the name of a firm."""
    if form == "ИП":
        return pick(rng, _PERSON_SPELLINGS)(director)
    return pick(rng, _SPELLINGS)(form, brand)


_SPELLINGS: tuple[Callable[[str, str], str], ...] = (
    *[lambda form, brand: f"{form} «{brand}»"] * 9,
    *[lambda form, brand: f'{form} "{brand}"'] * 4,
    *[lambda form, brand: f"{form} {brand}"] * 2,
    *[lambda form, brand: brand] * 2,
    lambda form, brand: f"{brand}, {form}",
    lambda form, brand: f'{_LONG.get(form, form)} "{brand}"',
    lambda form, brand: f"{form} «{brand}".upper(),
    lambda form, brand: f"{form.lower()} {brand.lower()} ",
    lambda form, brand: f"{form}  “{brand}”",
)
_PERSON_SPELLINGS: tuple[Callable[[Name], str], ...] = (
    *[lambda name: f"ИП {name.initials}"] * 5,
    *[lambda name: f"ИП {name.last} {name.first} {name.middle}"] * 3,
    lambda name: f"{_LONG['ИП']} {name.last} {name.first} {name.middle}",
    lambda name: f"{name.last} ИП",
    lambda name: f"ип {name.last}",
)
