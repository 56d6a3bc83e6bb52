"""The generated account: the same every time, believable, and full of traps."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.generate import fields, legal_ids, notes, phones
from sandbox.generate.account import Account, Size
from sandbox.generate.build import build, new_account

NOW = 1_760_000_000


def make(seed: int = 1, *, plain: bool = False, poison: int = 0) -> Account:
    account = new_account(11_111_111, seed, NOW, Size.of(40, customers=30), plain)
    build(account, poison)
    return account


def text(account: Account) -> bytes:
    return b"\n".join(
        row.core + b"".join(row.blocks)
        for collection in account.collections.values()
        for row in collection.rows.values()
    )


def documents(account: Account, *streams: str) -> Iterator[dict[str, Any]]:
    for stream in streams:
        collection = account.collections[stream]
        for row in collection.rows.values():
            yield collection.document(row)


def values(account: Account, *streams: str) -> Iterator[dict[str, Any]]:
    for document in documents(account, *streams):
        yield from document["custom_fields_values"] or ()


def inn_is_right(inn: str) -> bool:
    """Check an INN by the published weights, told apart from how the generator does it."""
    longest = (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)
    weights: dict[int, list[tuple[int, ...]]] = {10: [longest[2:]], 12: [longest[1:], longest]}
    rows = weights.get(len(inn), [])
    return bool(rows) and all(
        sum(weight * int(digit) for weight, digit in zip(row, inn, strict=False)) % 11 % 10
        == int(inn[len(row)])
        for row in rows
    )


@pytest.fixture(scope="module")
def account() -> Account:
    return make()


def test_equal_seeds_make_equal_bytes(account: Account) -> None:
    """The data follows from the seed and the sizes alone."""
    again = make()

    assert text(again) == text(account)


def test_other_seeds_make_other_data(account: Account) -> None:
    """Another seed is another account."""
    assert text(make(seed=2)) != text(account)


def test_sizes_are_kept(account: Account) -> None:
    """Each stream has as many entities as was asked for."""
    counts = {name: len(rows.rows) for name, rows in account.collections.items()}

    assert (counts["companies"], counts["contacts"], counts["leads"]) == (40, 160, 160)
    assert (counts["tasks"], counts["customers"]) == (80, 30)
    assert sum(counts[f"{entity}/notes"] for entity in notes.SHARES) == 320


def test_values_have_every_type_that_is_defined(account: Account) -> None:
    """Even a small account has a value of each custom field type of each entity."""
    for entity in ("leads", "contacts", "companies", "customers"):
        defined = {field.type for field in account.fields[entity]}

        assert {value["field_type"] for value in values(account, entity)} == defined


def test_shapes_of_values_vary(account: Account) -> None:
    """Old and new shapes are mixed: enum_code and enum, dates as numbers and as text."""
    found = list(values(account, "leads", "contacts", "companies", "customers"))
    keys = Counter(key for value in found for each in value["values"] for key in each)
    dates = {type(v["values"][0]["value"]) for v in found if v["field_type"] == "date"}
    chained = [each for v in found if v["field_type"] == "chained_list" for each in v["values"]]

    assert keys["enum_code"] > keys["enum"] > 0
    assert dates == {int, str}
    assert chained
    assert all("value" not in each for each in chained)


def test_notes_have_every_type(account: Account) -> None:
    """Every note type of the fact sheet is there, and one that nobody has heard of."""
    streams = [f"{entity}/notes" for entity in notes.SHARES]

    assert {note["note_type"] for note in documents(account, *streams)} == set(notes.PARAMS)


def test_task_results_are_a_list_or_an_object(account: Account) -> None:
    """An empty PHP object comes as a list."""
    results = [task["result"] for task in documents(account, "tasks")]

    assert [] in results
    assert any(isinstance(result, dict) for result in results)


def test_won_and_lost_are_in_every_pipeline(account: Account) -> None:
    """Statuses 142 and 143 are not unique (facts §5.4)."""
    pipelines = [name for name in account.collections if name.endswith("/statuses")]
    pipelines.remove("customers/statuses")

    assert len(pipelines) > 1
    assert all({142, 143} <= set(account.collections[name].rows) for name in pipelines)


def test_some_firms_are_entered_twice(account: Account) -> None:
    """The same INN is on companies with different names."""
    by_inn = Counter(firm.inn for firm in account.firms.values() if firm.inn)

    assert max(by_inn.values()) > 1


def test_some_field_names_are_hostile() -> None:
    """Equal names, a name of 200 Cyrillic letters, quotes, and names of columns."""
    names = Counter(field.name for field in fields.fields("leads"))

    assert max(names.values()) > 1
    assert max(map(len, names)) == 200
    assert any('"' in name for name in names)
    assert {"id", "updated_at"} <= {field.name for field in fields.fields("companies")}


def test_json_is_ascii_unless_told_otherwise(account: Account) -> None:
    """Non-ASCII is escaped as PHP does, and is plain UTF-8 on demand."""
    plain = text(make(plain=True))

    assert text(account).isascii()
    assert "«".encode() in plain
    assert json.loads(plain.splitlines()[0] + b"}", strict=False)


def test_poison_is_there_on_demand_only(account: Account) -> None:
    """NUL, lone surrogates, numbers beyond float and wrong types are put in when asked for."""
    harms = (rb"\u0000\u043f", rb"\ud83d \u0441", rb"1e400")
    spoilt = make(poison=3)

    assert not any(harm in text(account) for harm in harms)
    assert all(harm in text(spoilt) for harm in harms)
    assert {kind: len(ids) for kind, ids in spoilt.poison.items()} == dict.fromkeys(
        ("nul", "surrogate", "huge_number", "wrong_type"), 3
    )


def test_literal_backslash_u0000_is_harmless_text(account: Account) -> None:
    """The six characters backslash-u-0-0-0-0 are in the data, escaped."""
    assert rb"\\u0000" in text(make(seed=3)) + text(account)


@given(st.randoms(use_true_random=False))
def test_right_inns_have_right_check_digits(rng: Random) -> None:
    """What the generator calls right passes the check of the tax service."""
    assert inn_is_right(legal_ids.inn10(rng))
    assert inn_is_right(legal_ids.inn12(rng))


@pytest.mark.parametrize("inn", ["7707083893", "500100732259"])
def test_known_inns_are_right(inn: str) -> None:
    """The check agrees with numbers that are known to be right."""
    assert inn_is_right(inn)
    assert not inn_is_right(inn[:-1] + str((int(inn[-1]) + 1) % 10))


def test_inns_of_companies_are_right_and_wrong(account: Account) -> None:
    """Most INNs in text fields are right once stripped; some are not."""
    typed = [v["values"][0]["value"] for v in values(account, "companies")
             if v["field_name"] == "ИНН"]  # fmt: skip
    right = [inn_is_right("".join(filter(str.isdecimal, each))) for each in typed]

    assert len(typed) / 2 < sum(right) < len(typed)


def test_phones_are_typed_in_many_ways(account: Account) -> None:
    """One number has very many spellings."""
    rng = account.rng("test")

    assert len({phones.typed("9161234567", rng) for _ in range(2000)}) > 60
