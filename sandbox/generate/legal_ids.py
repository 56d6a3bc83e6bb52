"""INN, KPP and OGRN: right ones with their check digits, and wrong ones as people type them."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from sandbox.generate.words import pick

# The checks of the Federal Tax Service: weights of the digits before each check digit.
_INN10 = (2, 4, 10, 3, 5, 9, 4, 6, 8)
_INN12_FIRST = (7, 2, 4, 10, 3, 5, 9, 4, 6, 8)
_INN12_SECOND = (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)

_REGIONS = ("77", "78", "50", "66", "54", "16", "63", "23", "61", "74", "59", "02", "24", "01")


def _check(digits: str, weights: tuple[int, ...]) -> str:
    return str(sum(int(d) * w for d, w in zip(digits, weights, strict=True)) % 11 % 10)


def _digits(rng: Random, count: int) -> str:
    return f"{int(rng.random() * 10**count):0{count}d}"


def inn10(rng: Random) -> str:
    """Return the INN of an organisation."""
    head = pick(rng, _REGIONS) + _digits(rng, 7)
    return head + _check(head, _INN10)


def inn12(rng: Random) -> str:
    """Return the INN of a person."""
    head = pick(rng, _REGIONS) + _digits(rng, 8)
    head += _check(head, _INN12_FIRST)
    return head + _check(head, _INN12_SECOND)


def kpp(inn: str, rng: Random) -> str:
    """Return a KPP of the tax office that the INN names."""
    return inn[:4] + pick(rng, ("01", "01", "01", "43", "45")) + f"{1 + int(rng.random() * 3):03d}"


def ogrn(rng: Random) -> str:
    """Return the registration number of an organisation."""
    head = "1" + f"{2 + int(rng.random() * 22):02d}" + pick(rng, _REGIONS) + _digits(rng, 7)
    return head + str(int(head) % 11 % 10)


def ogrnip(rng: Random) -> str:
    """Return the registration number of an entrepreneur."""
    head = "3" + f"{4 + int(rng.random() * 20):02d}" + pick(rng, _REGIONS) + _digits(rng, 9)
    return head + str(int(head) % 13 % 10)


def typed_inn(inn: str, kpp: str, rng: Random) -> str:
    """Return an INN as somebody typed it into a text field: labels, blanks, mistakes."""
    return pick(rng, _TYPED)(inn, kpp)


_TYPED: tuple[Callable[[str, str], str], ...] = (
    *[lambda inn, kpp: inn] * 10,
    lambda inn, kpp: f"ИНН {inn}",
    lambda inn, kpp: f"ИНН: {inn}",
    lambda inn, kpp: f"инн{inn}",
    lambda inn, kpp: f" {inn} ",
    lambda inn, kpp: f"\u00a0{inn}",
    lambda inn, kpp: f"{inn[:4]} {inn[4:7]} {inn[7:]}",
    lambda inn, kpp: f"{inn}/{kpp}",
    lambda inn, kpp: f"ИНН/КПП {inn} / {kpp}",
    lambda inn, kpp: f"{inn}.",
    # Wrong: one digit changed, one lost, one too many, no digits at all.
    lambda inn, kpp: inn[:-1] + str((int(inn[-1]) + 1) % 10),
    lambda inn, kpp: inn[1:],
    lambda inn, kpp: inn + "0",
    lambda inn, kpp: "уточнить",
    lambda inn, kpp: "0000000000",
)
