"""Phone numbers: as phonenumbers reads them, and further where people write more."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable
from random import Random
from typing import Any

import phonenumbers
import psycopg
import pytest

from loader import sqlfiles, transform
from loader.db import Connection, scalar
from tests.support.phone_corpus import Known, Spelling, generate, handwritten, known
from tests.support.staged import ACCOUNT, bring, field_value
from tools import phone_regions

ALL_REGIONS = tuple(sorted(phonenumbers.SUPPORTED_REGIONS))


def read(connection: Connection, spellings: Iterable[Spelling]) -> list[list[Known]]:
    """What the SQL makes of them: the numbers of each, in order."""
    connection.execute("CREATE TEMPORARY TABLE typed (id bigint, raw text, region text)")
    with connection.cursor().copy("COPY typed FROM STDIN") as copy:
        for number, spelling in enumerate(spellings):
            copy.write_row((number, spelling.raw, spelling.region))
    rows = connection.execute(
        "SELECT id, array_agg(number.e164 ORDER BY part), array_agg(extension ORDER BY part)"
        " FROM (SELECT * FROM typed ORDER BY region, raw OFFSET 0) AS typed"
        " CROSS JOIN LATERAL staging.phone_numbers(typed.raw, typed.region) AS number"
        " GROUP BY id ORDER BY id"
    ).fetchall()
    connection.execute("DROP TABLE typed")
    return [list(zip(e164, extensions, strict=True)) for _, e164, extensions in rows]


def difference(spelling: Spelling, ours: list[Known], theirs: Known) -> str:
    """The class of a disagreement in docs/PHONES.md; empty: none that is known."""
    if spelling.why:
        return spelling.why
    if len(ours) > 1 and theirs == (None, None):
        return "several"
    [(e164, extension)] = ours
    if theirs[0] is None and spelling.raw.lstrip(" («\"\t'").startswith("00"):
        return "00"
    if e164 == theirs[0] and theirs[1] and extension == "".join(str(int(c)) for c in theirs[1]):
        return "digits"
    return ""


def test_agrees_with_phonenumbers(connection: Connection) -> None:
    """The same number, extension and validity in 99.5 % of 25,000; all others are explained."""
    corpus = list(dict.fromkeys([*(line for line, _ in handwritten()), *generate(25_000, 7)]))
    assert len(corpus) > 20_000
    assert len({spelling.owner for spelling in corpus}) >= 30

    theirs = [known(spelling.raw, spelling.region) for spelling in corpus]
    differences = [
        (difference(spelling, ours, their) or "unknown", spelling, ours, their)
        for spelling, ours, their in zip(corpus, read(connection, corpus), theirs, strict=True)
        if ours != [their]
    ]

    assert 0.5 < sum(their[0] is not None for their in theirs) / len(theirs) < 0.8
    print(len(corpus), Counter(why for why, *_ in differences))
    assert [found for found in differences if found[0] == "unknown"] == []
    assert len(differences) / len(corpus) < 0.005


def test_agrees_in_every_region(connection: Connection) -> None:
    """All 245 plans: their trunk and international prefixes, their kinds of numbers."""
    corpus = list(generate(12_000, 11, ALL_REGIONS))
    for code in phonenumbers.COUNTRY_CODES_FOR_NON_GEO_REGIONS:
        number = phonenumbers.example_number_for_non_geo_entity(code)
        assert number is not None
        corpus.append(Spelling(f"+{code} {number.national_number}", "RU", "001"))

    ours = read(connection, corpus)

    assert {spelling.owner for spelling in corpus} == {*ALL_REGIONS, "001"}
    theirs = [known(spelling.raw, spelling.region) for spelling in corpus]
    assert [
        (spelling, our, their)
        for spelling, our, their in zip(corpus, ours, theirs, strict=True)
        if our != [their] and not difference(spelling, our, their)
    ] == []


def test_handwritten(connection: Connection) -> None:
    """Every line is read as it says, and as phonenumbers reads it unless it says why not."""
    lines = list(handwritten())

    ours = read(connection, [spelling for spelling, _ in lines])

    assert [
        (spelling, our, expected)
        for (spelling, expected), our in zip(lines, ours, strict=True)
        if our != expected
    ] == []
    assert [
        spelling
        for (spelling, expected) in lines
        if ([known(spelling.raw, spelling.region)] == expected) == bool(spelling.why)
    ] == []


def test_two_numbers_in_one_value(connection: Connection) -> None:
    """Each is read as if it stood alone, whatever stands between them."""
    rng = Random(5)  # noqa: S311 - reproducible, not secret
    singles = [
        spelling
        for spelling in generate(4_000, 3)
        if known(spelling.raw, spelling.region)[0]
        and "/" not in spelling.raw
        # Blanks alone part two numbers only where both have as many digits.
        and spelling.raw.strip("+() -.0123456789\u00a0\u2011") == ""
    ]
    betweens = (", ", ",", "; ", " / ", "\n", " | ", " и ", " или ", " or ", " (Анна), ", ", моб. ")
    corpus, expected = [], []
    for first, second in itertools.pairwise(sorted(singles, key=lambda one: one.region)):
        if first.region == second.region:
            raw = first.raw + rng.choice(betweens) + second.raw
            corpus.append(Spelling(raw, first.region, first.owner))
            expected.append([known(one.raw, one.region) for one in (first, second)])

    ours = read(connection, corpus)

    assert len(corpus) > 1_000
    wrong = [
        triple for triple in zip(corpus, expected, ours, strict=True) if triple[1] != triple[2]
    ]
    assert wrong == []


def contact(number: int, *phones: Any) -> dict[str, Any]:
    field = field_value(1, "multitext", *phones, field_code="PHONE")
    return {"id": number, "custom_fields_values": [field]}


def phones(connection: Connection) -> list[tuple[Any, ...]]:
    return connection.execute(
        "SELECT entity_id, position, raw, e164, is_valid FROM amo.phones ORDER BY 1, 2"
    ).fetchall()


def test_rows_of_one_card(connection: Connection) -> None:
    """One row per number; the value stands in each as it was typed."""
    both = "8 916 123 45 67, 8 903 765 43 21"
    bring(connection, contacts=[contact(1, both, "нет", 84951234567)])

    assert phones(connection) == [
        (1, 1, both, "+79161234567", True),
        (1, 2, both, "+79037654321", True),
        (1, 3, "нет", None, False),
        (1, 4, "84951234567", "+74951234567", True),
    ]
    bring(connection, contacts=[contact(1, "8 903 765 43 21")])
    assert phones(connection) == [(1, 1, "8 903 765 43 21", "+79037654321", True)]


def test_default_region(connection: Connection) -> None:
    """The country of the account, RU without one, or what a DBA put into ops.phone_defaults."""
    query = "SELECT e164 FROM amo.phones"
    shown = "SELECT region, source FROM ops.account_phone_regions"
    bring(connection, contacts=[contact(1, "050 123 45 67")])
    assert scalar(connection, query) is None

    bring(connection, account=[{"id": ACCOUNT, "country": "ua"}])
    transform.transform(connection, ["phones"])
    assert scalar(connection, query) == "+380501234567"
    assert connection.execute(shown).fetchall() == [("UA", "country of the account")]

    connection.execute("INSERT INTO ops.phone_defaults VALUES (%s, 'AE')", (ACCOUNT,))
    transform.transform(connection, ["phones"])
    assert scalar(connection, query) == "+971501234567"
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        connection.execute("UPDATE ops.phone_defaults SET region = 'Ru'")


def test_account_and_its_phones_in_one_night(connection: Connection) -> None:
    """The first load brings both; the region must not wait for the second."""
    account = {"id": ACCOUNT, "country": "BY"}

    bring(connection, contacts=[contact(1, "8 029 123-45-67")], account=[account])

    assert scalar(connection, "SELECT e164 FROM amo.phones") == "+375291234567"


def test_each_value_is_read_once(connection: Connection) -> None:
    """A switchboard on 300 cards is one number."""
    connection.execute("SET track_functions = 'pl'")
    cards = [contact(number, "8 (495) 120-00-00", f"89{number:09}") for number in range(300)]

    bring(connection, contacts=cards)

    connection.execute("SELECT pg_stat_force_next_flush()")
    calls = scalar(
        connection, "SELECT calls FROM pg_stat_user_functions WHERE funcname = 'parse_phone'"
    )
    assert scalar(connection, "SELECT count(*) FROM amo.phones") == 600
    # Those that are no number are looked at once more, piece by piece.
    invalid = scalar(connection, "SELECT count(*) FROM amo.phones WHERE NOT is_valid")
    assert calls == 301 + int(str(invalid))


@pytest.mark.parametrize(
    "raw", ["1" * 1_000_000, "1/" * 9_999, "8 916 123 45 67 / " * 9_999, "я1" * 9_999, "1@" * 9_999]
)
def test_a_novel_in_the_field(connection: Connection, raw: str) -> None:
    """It costs neither the night nor the row."""
    bring(connection, contacts=[contact(1, raw, "89161234567")])

    rows = connection.execute("SELECT raw, e164 FROM amo.phones ORDER BY position").fetchall()
    assert rows[0][0] == raw
    assert rows[-1] == ("89161234567", "+79161234567")
    assert len(rows) < 100


def test_the_plans_are_generated(connection: Connection) -> None:
    """The migration is what the generator prints; PostgreSQL accepts every pattern."""
    file = next(
        file for file in sqlfiles.find("migrations") if file.stem[5:] == "fill_phone_regions"
    )

    assert file.text.decode() == phone_regions.migration()
    patterns = "international_prefix", "trunk_prefix", "leading_digits", "possible", "valid"
    for column in patterns:
        connection.execute(f"SELECT '1' ~ {column} FROM ops.phone_regions")
    assert scalar(connection, "SELECT count(*) FROM ops.phone_regions") == 254
