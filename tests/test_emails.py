"""E-mail addresses: several in one value, domains in any script, each value read once."""

from __future__ import annotations

import unicodedata
from random import Random
from typing import Any

import idna
import pytest

from loader.db import Connection, scalar
from tests.support.commands import ROOT
from tests.support.staged import bring, counted, field_value
from tests.support.typed import lines

ALPHABETS = (
    "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
    "іїєґўқңөұүһәғ",
    "abcdefghijklmnopqrstuvwxyz0123456789",
    "äöüéñßøåč",
    "αβγδεζηθς",
    "日本語中文字",
    "עבריתשלום",
    "हिन्दी",
)
TOP_LEVELS = ("рф", "рус", "укр", "бел", "қаз", "срб", "мкд", "москва", "онлайн", "한국", "بھارت")
QUERY = "SELECT entity_id, position, raw, email, is_valid FROM amo.emails ORDER BY 1, 2"


def card(number: int, *values: Any, **more: Any) -> dict[str, Any]:
    field = field_value(1, "multitext", *values, **{"field_code": "EMAIL"} | more)
    return {"id": number, "custom_fields_values": [field]}


def labels(count: int) -> list[str]:
    """Labels of one to three alphabets, also longer than a domain allows."""
    rng = Random(3)  # noqa: S311 - reproducible, not secret
    made = list(TOP_LEVELS)
    for _ in range(count):
        signs = "".join(rng.sample(ALPHABETS, rng.randint(1, 3)))
        made.append("".join(rng.choice(signs) for _ in range(rng.randint(1, 63))))
    return made


def test_corpus(connection: Connection) -> None:
    """Every line of tests/data/emails.txt comes out as it says, in one transform."""
    corpus = list(lines("emails.txt"))

    bring(connection, contacts=[card(number, raw) for number, (raw, _) in enumerate(corpus, 1)])

    ours: dict[int, list[str]] = {}
    for number, _, raw, email, is_valid in connection.execute(QUERY):
        assert raw == corpus[int(number) - 1][0]
        assert is_valid == (email is not None)
        ours.setdefault(int(number), []).append(email or "-")
    assert [
        (raw, expected, ours[number])
        for number, (raw, expected) in enumerate(corpus, 1)
        if ours[number] != expected.split(" ")
    ] == []


def test_punycode_of_python(connection: Connection) -> None:
    """Encoding and decoding agree with Python's codec, whatever the letters and the length."""
    corpus = labels(3_000)

    rows = connection.execute(
        "SELECT label, staging.punycode_encode(label), staging.punycode_decode(code)"
        " FROM unnest(%s::text[], %s::text[]) AS given (label, code)",
        (corpus, [label.encode("punycode").decode() for label in corpus]),
    ).fetchall()

    assert len(rows) == len(corpus)
    for label, encoded, decoded in rows:
        assert encoded == label.encode("punycode").decode()
        # A label with more than 63 octets of punycode is in no domain.
        assert decoded == (label if len(encoded) <= 63 else None)


@pytest.mark.parametrize("wrong", ["9" * 63, "abc_d", "ab9", "99999", "a-é"])
def test_what_is_no_punycode(connection: Connection, wrong: str) -> None:
    """Neither an error nor an endless loop: NULL, where Python's codec fails too."""
    with pytest.raises(UnicodeError):
        wrong.encode("ascii").decode("punycode").encode()

    assert scalar(connection, "SELECT staging.punycode_decode(%s)", (wrong,)) is None


def test_domains_of_idna(connection: Connection) -> None:
    """Where we see a domain, the package idna sees the same one; where not, we say why."""
    corpus = [f"{label}.{top}" for label, top in zip(labels(2_000), TOP_LEVELS * 400, strict=False)]
    shouting = [
        domain.upper() if "ß" not in domain and "ς" not in domain else domain for domain in corpus
    ]

    rows = connection.execute(
        "SELECT small.typed, (staging.read_domain(small.typed)).*,"
        " (staging.read_domain(upper.typed)).ascii"
        " FROM unnest(%s::text[], %s::text[]) AS small (typed, shouting)"
        " CROSS JOIN LATERAL (SELECT small.shouting AS typed) AS upper",
        (corpus, shouting),
    ).fetchall()

    valid = 0
    for typed, domain, ascii_form, shouted in rows:
        try:
            theirs = idna.encode(typed).decode()
        except idna.IDNAError:
            theirs = None
        if ascii_form is None:
            assert theirs is None or _mixes(typed), typed
        elif theirs is not None:
            valid += 1
            assert (domain, ascii_form) == (typed, theirs)
            assert (
                scalar(connection, "SELECT domain FROM staging.read_domain(%s)", (ascii_form,))
                == typed
            )
            # Final sigma and sharp s have no capital of their own.
            assert shouted == ascii_form
    assert valid > 300


def _mixes(domain: str) -> bool:
    """Latin with Cyrillic or Greek in one label: idna allows it, registries do not."""
    for label in domain.split("."):
        names = {unicodedata.name(letter).partition(" ")[0] for letter in label}
        if "LATIN" in names and names & {"CYRILLIC", "GREEK"}:
            return True
    return False


def test_lower_case_in_every_locale(connection: Connection) -> None:
    """As Python has it, in a database whose own lower() knows ASCII alone."""
    blocks = ((0x00, 0x24F), (0x370, 0x52F), (0x531, 0x556), (0x10A0, 0x10CD), (0x1E00, 0x1FFF))
    letters = [chr(code) for first, last in blocks for code in range(first, last + 1) if code]

    rows = connection.execute(
        "SELECT letter, staging.lower_text(letter) FROM unnest(%s::text[]) AS letter", (letters,)
    ).fetchall()

    assert [(letter, low) for letter, low in rows if low != letter.lower()] == []
    assert len(rows) > 1_000


def test_lengths(connection: Connection) -> None:
    """64 octets before the @, 63 in a label, 254 in all, counted as DNS and SMTP count them."""
    label = "я" * 50
    long = ".".join(["b" * 62] * 3)
    values = [
        "a" * 64 + "@example.com",
        "a" * 65 + "@example.com",
        "я" * 32 + "@пример.рф",
        "я" * 33 + "@пример.рф",
        "a@" + "b" * 63 + ".com",
        "a@" + "b" * 64 + ".com",
        f"{'a' * 61}@{long}.com",
        f"{'a' * 62}@{long}.com",
        f"a@{label}.рф",
        f"a@{label}{label}.рф",
    ]

    bring(connection, contacts=[card(1, *values)])

    rows = connection.execute(QUERY).fetchall()
    assert [row[4] for row in rows] == [True, False] * 3 + [True, False, True, False]


def test_every_kind_of_entity(connection: Connection) -> None:
    """Leads and customers have no such field today; if one comes, it is read."""
    entities = [card(1, "a@example.com, b@example.com", {"value": "c@example.com", "enum": "PRIV"})]
    bring(connection, leads=entities, contacts=entities, companies=entities, customers=entities)

    rows = connection.execute(
        "SELECT entity_type, position, email, enum_code FROM amo.emails ORDER BY 1, 2"
    ).fetchall()
    assert rows == [
        (kind, position, f"{letter}@example.com", code)
        for kind in ("companies", "contacts", "customers", "leads")
        for position, letter, code in ((1, "a", None), (2, "b", None), (3, "c", "PRIV"))
    ]


def test_what_is_no_text_is_kept(connection: Connection) -> None:
    """A number, an object, a list: raw and invalid. What is not even a value: ops.rejects."""
    odd = [
        {"value": 79161234567},
        {"value": True},
        {"value": {"email": "a@example.com"}},
        {"value": ["a@example.com"]},
        {"value": ""},
        {"value": None},
    ]
    entity = card(1, *odd)
    entity["custom_fields_values"][0]["values"].append("a@example.com")

    bring(connection, contacts=[entity])

    rows = connection.execute("SELECT raw, email, is_valid FROM amo.emails ORDER BY position")
    assert rows.fetchall() == [
        ("79161234567", None, False),
        ("true", None, False),
        ('{"email": "a@example.com"}', None, False),
        ('["a@example.com"]', None, False),
        ("", None, False),
    ]
    rejects = connection.execute("SELECT stream, entity_id, path, value, reason FROM ops.rejects")
    assert rejects.fetchall() == [
        ("contacts", "1", "custom_fields_values", "a@example.com", "not an object")
    ]


def test_each_value_and_each_domain_is_read_once(connection: Connection) -> None:
    """10,000 cards with one address are one; 300 addresses of a domain are one domain."""
    connection.execute("SET track_functions = 'pl'")
    cards = [card(number, "info@ПОЧТА.рф") for number in range(1, 10_001)]
    cards += [card(number, f"a{number}@ПОЧТА.рф") for number in range(10_001, 10_301)]

    bring(connection, contacts=cards)

    connection.execute("SELECT pg_stat_force_next_flush()")
    calls: dict[Any, Any] = dict(
        connection.execute("SELECT funcname, calls FROM pg_stat_user_functions").fetchall()
    )
    assert scalar(connection, "SELECT count(*) FROM amo.emails WHERE is_valid") == 10_300
    assert calls["email_candidates"] == 301
    assert calls["read_domain"] == 1
    assert calls["punycode_encode"] == 2


def test_a_quiet_night_and_a_change(connection: Connection) -> None:
    """Unchanged rows are not written; a changed card loses the addresses that went."""
    bring(connection, contacts=[card(1, "a@example.com, b@example.com"), card(2, "c@example.com")])
    before = connection.execute("SELECT ctid, xmin, * FROM amo.emails ORDER BY 3, 4, 5").fetchall()

    bring(connection, contacts=[card(1, "a@example.com, b@example.com"), card(2, "c@example.com")])
    assert (
        before
        == connection.execute("SELECT ctid, xmin, * FROM amo.emails ORDER BY 3, 4, 5").fetchall()
    )
    assert counted(connection)["unchanged"] == 2

    bring(connection, contacts=[card(1, "b@example.com")])
    assert [row[3] for row in connection.execute(QUERY)] == ["b@example.com", "c@example.com"]


@pytest.mark.parametrize(
    "raw",
    ["a" * 1_000_000, "@" * 9_999, "a@" * 9_999, "a.b@" * 9_999, "a@b.ru/" * 9_999, "( at )" * 999],
)
def test_a_novel_in_the_field(connection: Connection, raw: str) -> None:
    """It costs neither the night nor the row, and no address is made of a word cut off."""
    bring(connection, contacts=[card(1, raw, "x" * 990 + " ivan@example.com", "a@example.com")])

    rows = connection.execute(QUERY).fetchall()
    assert rows[0][2] == raw
    assert [row[3] for row in rows[-2:]] == [None, "a@example.com"]
    assert len(rows) < 100


def test_the_files_name_no_machine_locale() -> None:
    """lower() and classes like \\w mean what the locale of the database says."""
    for number in ("0049", "0057", "0070", "0071"):
        [file] = (ROOT / "sql" / "migrations").glob(f"{number}_*.sql")
        text = "\n".join(
            line for line in file.read_text(encoding="utf-8").splitlines() if "--" not in line
        )
        assert not any(word in text for word in (" lower(", "upper(", r"\w", r"\s", r"\d"))
