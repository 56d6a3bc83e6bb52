"""Phone numbers of many countries in the spellings of people, and what phonenumbers makes of them.

Two thirds are numbers that the plans give out, of every kind; the others are impossible:
invented, too short, too long, with one digit wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberFormat, PhoneNumberType
from phonenumbers.phonemetadata import PhoneMetadata

from tests.support.commands import ROOT

NEAR = ("RU", "KZ", "BY", "UA", "UZ", "AM", "AZ", "GE", "KG", "MD", "TJ", "TM")
FAR = (
    *("US", "CA", "GB", "DE", "FR", "IT", "ES", "PL", "CZ", "TR", "IL", "AE", "CN", "IN", "BR"),
    *("MX", "AR", "FI", "EE", "LV", "LT", "RS", "BG", "JP", "KR", "AU", "CY", "VN", "TH", "EG"),
)
REGIONS = NEAR + FAR

_LABELS = (
    *(
        "тел. ",
        "Тел.: ",
        "тел/факс: ",
        "моб. ",
        "моб.тел. ",
        "т.",
        "факс ",
        "Рабочий: ",
        "раб.\u00a0",
    ),
    *(
        "м. ",
        "tel:",
        "Tel. ",
        "Phone: ",
        "Mobile ",
        "WhatsApp ",
        "☎ ",
        "№ ",
        "(",
        "«",
        '"',
        " ",
        "\t",
    ),
)
_TAILS = (" ", ".", ";", ",", ")", "»", " .", "\n", " -", "\u00a0")
_EXTENSIONS = (
    *(" доб. {}", " доб.{}", ", доб. {}", " (доб. {})", " ДОБ {}", "доб{}", " доб: {}"),
    *(" ext. {}", " ext {}", " Ext.{}", "x{}", " x {}", "#{}", " # {}", ", {}", ";ext={}", ",,{}"),
    *(" extn {}", " extension {}", " int {}", " anexo {}", " - {}#", ";{}"),
)
_DIGITS = "0123456789"
_SCRIPTS = ("０１２３４５６７８９", "٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹")


# E.164 and extension; None, None: not a number.
Known = tuple[str | None, str | None]


@dataclass(frozen=True, slots=True)
class Spelling:
    """A value as typed in, and the region it was typed in.

    owner is the region of the number; why says why phonenumbers sees it otherwise.
    """

    raw: str
    region: str
    owner: str
    why: str = ""


def known(raw: str, region: str) -> Known:
    """E.164 and extension according to phonenumbers; None, None when it is no valid number."""
    try:
        number = phonenumbers.parse(raw, region)
    except NumberParseException:
        return None, None
    if not phonenumbers.is_valid_number(number):
        return None, None
    return phonenumbers.format_number(number, PhoneNumberFormat.E164), number.extension


def generate(count: int, seed: int, regions: tuple[str, ...] = REGIONS) -> Iterator[Spelling]:
    """So many spellings, the same for the same seed; three times as many of nearby regions."""
    rng = Random(seed)  # noqa: S311 - reproducible, not secret
    examples = {region: _examples(region) for region in regions}
    weights = [3 if region in NEAR else 1 for region in regions]
    for region in rng.choices(regions, weights, k=count):
        number = _number(rng, rng.choice(examples[region]))
        # Foreigners are in the address book, too.
        home = region if rng.random() < 0.7 else rng.choice(("RU", "KZ", "BY", "UA", "UZ"))
        write = rng.choice(_WAYS)
        yield Spelling(_decorate(rng, write(rng, number, home)), home, region)


def _examples(region: str) -> list[PhoneNumber]:
    """One number of every kind that the region has."""
    kinds = (number for number in PhoneNumberType.values() if number >= 0)
    found = (phonenumbers.example_number_for_type(region, kind) for kind in kinds)
    return [number for number in found if number is not None]


def _number(rng: Random, example: PhoneNumber) -> PhoneNumber:
    """Mostly one of the same block; now and then with a digit too much, too few or wrong."""
    national = phonenumbers.national_significant_number(example)
    kept = rng.randrange(2, len(national))
    digits = national[:kept] + "".join(rng.choices(_DIGITS, k=len(national) - kept))
    chance = rng.random()
    if chance < 0.08:
        digits = digits[:-1]
    elif chance < 0.16:
        digits += rng.choice(_DIGITS)
    elif chance < 0.24:
        digits = "".join(rng.choices(_DIGITS, k=rng.randrange(3, 13)))
    elif chance < 0.3:
        digits = national
    zeros = len(digits) - len(digits.lstrip("0"))
    return PhoneNumber(
        country_code=example.country_code,
        national_number=int(digits),
        italian_leading_zero=zeros > 0 or None,
        number_of_leading_zeros=zeros if zeros > 1 else None,
    )


def handwritten() -> Iterator[tuple[Spelling, list[Known]]]:
    """The lines of tests/data/phones.txt, each with the numbers that it says are in it."""
    text = (ROOT / "tests/data/phones.txt").read_text(encoding="utf-8")
    for line in text.splitlines():
        if not line.startswith("#"):
            region, raw, numbers, *why = line.split("\t")
            spelling = Spelling(_unescaped(raw), region, region, "".join(why))
            yield spelling, [_known(number) for number in numbers.split(" ")]


def _unescaped(text: str) -> str:
    named = {"\\n": "\n", "\\t": "\t"}
    return re.sub(
        r"\\n|\\t|\\u([0-9a-f]{4})",
        lambda found: named.get(found[0]) or chr(int(found[1], 16)),
        text,
    )


def _known(text: str) -> Known:
    e164, _, extension = text.partition("x")
    return (None if e164 == "-" else e164, extension or None)


Write = Callable[[Random, PhoneNumber, str], str]


def _format(form: int) -> Write:
    return lambda rng, number, home: phonenumbers.format_number(number, form)


def _digits(number: PhoneNumber) -> str:
    return phonenumbers.national_significant_number(number)


def _grouped(rng: Random, digits: str) -> str:
    """In groups of two to four, the first often in brackets."""
    groups = []
    while digits:
        size = rng.choice((2, 3, 3, 4))
        groups.append(digits[:size])
        digits = digits[size:]
    if rng.random() < 0.4:
        groups[0] = f"({groups[0]})"
    return rng.choice((" ", "-", ".", " ", "-", "", "\u00a0", "\u2011", " - ", "/")).join(groups)


def _trunk(number: PhoneNumber) -> str:
    assert number.country_code is not None
    region = phonenumbers.region_code_for_country_code(number.country_code)
    return phonenumbers.ndd_prefix_for_region(region, True) or ""


def _abroad(rng: Random, number: PhoneNumber, home: str) -> str:
    """With the international prefix of the country it is dialled from: 8~10, 00, 011."""
    plan = PhoneMetadata.metadata_for_region(home)
    prefix = (plan and (plan.preferred_international_prefix or plan.international_prefix)) or "00"
    prefix = prefix if prefix.replace("~", "").isdecimal() else "00"
    prefix = prefix.replace("~", rng.choice(("~", "-", "", " ")))
    gap = rng.choice(("", " ", "-"))
    return f"{prefix}{gap}{number.country_code}{gap}{_grouped(rng, _digits(number))}"


_WAYS: tuple[Write, ...] = (
    _format(PhoneNumberFormat.E164),
    _format(PhoneNumberFormat.INTERNATIONAL),
    _format(PhoneNumberFormat.NATIONAL),
    _format(PhoneNumberFormat.RFC3966),
    lambda rng, number, home: _digits(number),
    lambda rng, number, home: _grouped(rng, _digits(number)),
    lambda rng, number, home: _trunk(number) + _digits(number),
    lambda rng, number, home: (
        _trunk(number) + rng.choice(("", " ", "-")) + _grouped(rng, _digits(number))
    ),
    lambda rng, number, home: f"{number.country_code}{_digits(number)}",
    lambda rng, number, home: (
        f"+{number.country_code}{rng.choice(('', ' ', '-'))}{_grouped(rng, _digits(number))}"
    ),
    lambda rng, number, home: (
        f"+{number.country_code} ({_trunk(number)}) {_grouped(rng, _digits(number))}"
    ),
    _abroad,
    lambda rng, number, home: phonenumbers.format_out_of_country_calling_number(number, home),
)


def _decorate(rng: Random, text: str) -> str:
    """A label before, an extension or punctuation behind, digits of another script."""
    if rng.random() < 0.2:
        text += rng.choice(_EXTENSIONS).format(rng.randrange(1, 10 ** rng.randrange(1, 6)))
    if rng.random() < 0.2:
        text = rng.choice(_LABELS) + text
    if rng.random() < 0.1:
        text += rng.choice(_TAILS)
    if rng.random() < 0.005:
        text = text.translate(str.maketrans(_DIGITS, rng.choice(_SCRIPTS)))
    return text
