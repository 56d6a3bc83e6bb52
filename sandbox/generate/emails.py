"""E-mail addresses typed in every way people type them."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from sandbox.generate.words import Name, latin, pick

# Addresses here say nothing about a firm: thousands of people share each domain.
FREE_MAIL = ("mail.ru", "yandex.ru", "gmail.com", "bk.ru", "inbox.ru", "list.ru", "rambler.ru")

_ODD: tuple[Callable[[str], str], ...] = (
    str.upper,
    str.title,
    lambda mail: f" {mail}",
    lambda mail: f"{mail} ",
    lambda mail: f"\u200b{mail}",
    lambda mail: f"mailto:{mail}",
    lambda mail: f"Иван Петров <{mail}>",
    lambda mail: f"{mail}, info@{mail.partition('@')[2]}",
    lambda mail: f"{mail}; {mail.upper()}",
    lambda mail: f"{mail} zakaz@{mail.partition('@')[2]}",
    lambda mail: mail.replace("@", "+crm@"),
    lambda mail: f"инфо@{mail.partition('@')[2]}",
    lambda mail: "sales@ромашка.рф",
    lambda mail: "почта@пример.рф",
    lambda mail: "sales@xn--80aa3aekebn.xn--p1ai",
    # Not addresses.
    lambda mail: f"{mail}.",
    lambda mail: mail.replace("@", "@@"),
    lambda mail: mail.replace("@", "."),
    lambda mail: mail.replace("@", " @ "),
    lambda mail: mail.partition("@")[0] + "@",
    lambda mail: mail.replace(".ru", ""),
    lambda mail: mail.replace("o", "о"),  # a Cyrillic letter that looks Latin
    lambda mail: "444",
    lambda mail: "нет",
    lambda mail: "-",
    lambda mail: "",
)


def person_mail(name: Name, domain: str | None, rng: Random) -> str:
    """Return a person's address at a firm, or at a free mail service."""
    last = latin(name.last)
    if domain and rng.random() < 0.6:
        return f"{latin(name.first)[0]}.{last}@{domain}"
    return f"{last}{int(rng.random() * 100_000)}@{pick(rng, FREE_MAIL)}"


def firm_mail(domain: str, rng: Random) -> str:
    """Return a firm's own address; small firms use free mail."""
    if rng.random() < 0.25:
        return f"{domain.partition('.')[0]}@{pick(rng, FREE_MAIL)}"
    return f"{pick(rng, ('info', 'office', 'sales', 'zakaz', 'buh'))}@{domain}"


def typed(mail: str, rng: Random) -> str:
    """Return an address the way somebody typed it: mostly well, sometimes not."""
    return mail if rng.random() < 0.85 else pick(rng, _ODD)(mail)
