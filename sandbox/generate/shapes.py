"""Shapes of field values, the old ones among the new (facts §6)."""

from __future__ import annotations

from random import Random

from sandbox.generate.fields import Enum, Field
from sandbox.generate.firms import Firm
from sandbox.generate.words import pick
from sandbox.wire import Json


def entry(field: Field, values: list[Json], rng: Random) -> Json:
    """Return one field with its values; keys come in more than one order (facts §6)."""
    head: Json = {
        "field_id": field.id,
        "field_name": field.name,
        "field_code": field.code,
        "field_type": field.type,
    }
    chance = rng.random()
    if chance < 0.6:
        return {**head, "values": values, "is_computed": False}
    if chance < 0.9:
        return {**head, "values": values}
    return {"values": values, **head}


def chosen_values(enum: Enum, rng: Random) -> list[Json]:
    """Return one choice; old answers have no enum_code, and some enums are gone."""
    chance = rng.random()
    if chance < 0.15:
        return [{"value": enum.value, "enum_id": enum.id}]
    if chance < 0.18:
        # The list was replaced by a careless PATCH: values keep ids of old (facts §5.6).
        return [{"value": f"{enum.value} (старое)", "enum_id": enum.id + 50, "enum_code": None}]
    return [{"value": enum.value, "enum_id": enum.id, "enum_code": enum.code}]


def multitext(field: Field, texts: list[str], rng: Random) -> list[Json]:
    """Return phones or e-mails; the key of the code was `enum` once (facts §6)."""
    made = []
    for text in texts:
        enum = field.enums[0] if rng.random() < 0.7 else pick(rng, field.enums)
        key = "enum" if rng.random() < 0.06 else "enum_code"
        made.append({"value": text, "enum_id": enum.id, key: enum.code})
    return made


def legal_entity(firm: Firm, rng: Random) -> Json:
    """Return the requisites of a firm; absent keys mean null (facts §6)."""
    value: Json = {
        "name": firm.name,
        "entity_type": 1 if firm.is_person else 2,
        "vat_id": firm.inn,
        "tax_registration_reason_code": int(firm.ogrn or 0) if rng.random() < 0.2 else firm.ogrn,
        "address": firm.address,
    }
    if firm.kpp:
        value["kpp"] = firm.kpp
    if rng.random() < 0.5:
        value |= {
            "bank_code": f"04452{5000 + int(rng.random() * 999)}",
            "bank_account_number": f"40702810{int(rng.random() * 10**12):012d}",
            "director": firm.director.initials,
            "external_uid": uuid(rng),
        }
    return {"value": value}


def uuid(rng: Random) -> str:
    """Return a UUID."""
    text = f"{rng.getrandbits(128):032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
