"""Phone numbers typed in every way people type them."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from sandbox.generate.words import pick

_MOBILE = ("903", "905", "909", "910", "912", "916", "917", "921", "925", "926", "952", "999")
_CITY = ("495", "499", "812", "343", "383", "846", "863", "843", "351", "342")

# One number on the cards of many firms: the switchboard of a business centre.
SWITCHBOARD = "4951200000"

Typed = Callable[[str, Random], str]

# `n` is the ten digits of a Russian number without its country code.
_USUAL: tuple[Typed, ...] = (
    lambda n, rng: f"+7{n}",
    lambda n, rng: f"+7{n}",
    lambda n, rng: f"7{n}",
    lambda n, rng: f"8{n}",
    lambda n, rng: f"8 ({n[:3]}) {n[3:6]}-{n[6:8]}-{n[8:]}",
    lambda n, rng: f"+7 ({n[:3]}) {n[3:6]}-{n[6:8]}-{n[8:]}",
    lambda n, rng: f"8-{n[:3]}-{n[3:6]}-{n[6:8]}-{n[8:]}",
    lambda n, rng: f"+7 {n[:3]} {n[3:6]} {n[6:8]} {n[8:]}",
    lambda n, rng: f"8({n[:3]}){n[3:]}",
)
_ODD: tuple[Typed, ...] = (
    lambda n, rng: n,
    lambda n, rng: f"({n[:3]}) {n[3:6]}-{n[6:]}",
    lambda n, rng: f" +7 {n[:3]} {n[3:]} ",
    lambda n, rng: f"\u00a0+7\u00a0{n[:3]}\u00a0{n[3:6]}\u00a0{n[6:]}",
    lambda n, rng: f"+7\u2011{n[:3]}\u2011{n[3:6]}\u2011{n[6:]}",
    lambda n, rng: f"\u200b+7{n}",
    lambda n, rng: f"тел. 8 ({n[:3]}) {n[3:6]}-{n[6:]}",
    lambda n, rng: f"tel:+7{n}",
    lambda n, rng: f"8 {n[:3]} {n[3:]} (Анна, бухгалтер)",
    lambda n, rng: f"+7 (8{n[:3]}) {n[3:]}",
    lambda n, rng: f"+8{n}",
    lambda n, rng: f"8 ({n[:3]}) {n[3:6]}-{n[6:]} доб. 12",
    lambda n, rng: f"+7{n} доб.{100 + int(rng.random() * 900)}",
    lambda n, rng: f"+7 {n} ext 7",
    lambda n, rng: f"8{n}#401",
    lambda n, rng: f"8{n} вн. 3",
    lambda n, rng: f"+7{n}, " + _USUAL[4](_mobile(rng), rng),
    lambda n, rng: f"8{n}; 8{_mobile(rng)}",
    lambda n, rng: f"+7{n} или +7{_mobile(rng)}",
    lambda n, rng: f"8{n} / 8{_mobile(rng)}",
)
_FOREIGN: tuple[Typed, ...] = (
    lambda n, rng: f"+7 701 {n[3:6]} {n[6:]}",  # Kazakhstan
    lambda n, rng: f"8 777 {n[3:]}",
    lambda n, rng: f"+375 29 {n[3:6]}-{n[6:8]}-{n[8:]}",  # Belarus
    lambda n, rng: f"+99890{n[3:]}",  # Uzbekistan
    lambda n, rng: f"+380 (50) {n[3:6]} {n[6:]}",  # Ukraine
    lambda n, rng: f"+49 30 {n[2:]}",  # Germany
    lambda n, rng: f"00 49 30 {n[2:]}",
    lambda n, rng: f"8 10 375 29 {n[3:]}",
    lambda n, rng: f"+1 (212) {n[3:6]}-{n[6:]}",  # USA
)
_BROKEN: tuple[Typed, ...] = (
    lambda n, rng: f"8{n[:-1]}",
    lambda n, rng: f"+7{n}0",
    lambda n, rng: n[3:6] + "-" + n[6:8] + "-" + n[8:],
    lambda n, rng: "333",
    lambda n, rng: "",
    lambda n, rng: " ",
    lambda n, rng: "нет",
    lambda n, rng: "позвонить секретарю",
    lambda n, rng: f"+7 9I6 {n[3:6]} OO {n[8:]}",
    lambda n, rng: "+7 (___) ___-__-__",
    lambda n, rng: "89999999999",
    lambda n, rng: "@ivan_ivanov",
)


def _mobile(rng: Random) -> str:
    return pick(rng, _MOBILE) + f"{int(rng.random() * 10_000_000):07d}"


def mobile(rng: Random) -> str:
    """Return the ten digits of a mobile number."""
    return _mobile(rng)


def landline(rng: Random) -> str:
    """Return the ten digits of a city number."""
    return pick(rng, _CITY) + f"{2_000_000 + int(rng.random() * 7_000_000):07d}"


def typed(number: str, rng: Random) -> str:
    """Return a number the way somebody typed it: mostly well, sometimes not."""
    chance = rng.random()
    if chance < 0.72:
        return pick(rng, _USUAL)(number, rng)
    if chance < 0.89:
        return pick(rng, _ODD)(number, rng)
    if chance < 0.95:
        # Another country's is another number: strangers would share one that nobody else has.
        return pick(rng, _USUAL if number == SWITCHBOARD else _FOREIGN)(number, rng)
    return pick(rng, _BROKEN)(number, rng)
