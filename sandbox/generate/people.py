"""Users, their groups and their roles (facts §5.2, §5.3)."""

from __future__ import annotations

from random import Random

from sandbox.generate.account import Account, User, row
from sandbox.generate.words import latin
from sandbox.store import Row
from sandbox.streams import STREAMS
from sandbox.wire import Json

GROUPS = {0: "Отдел продаж", 1001: "Маркетинг", 1003: "Сервис и «рекламации»"}
FIRST_USER_ID = 7_000_001
USERS = 14
_INACTIVE = (6, 11)
_ADMINS = 2
_ROLES = {9001: "Менеджер", 9003: "Стажёр"}


def add_people(account: Account) -> None:
    """Put users and roles into the account."""
    rng = account.rng("users")
    names = rng.sample(account.words.names, USERS)
    groups = list(GROUPS)
    account.users = tuple(
        User(FIRST_USER_ID + 12 * n, f"{name.first} {name.last}", groups[n % 3], n not in _INACTIVE)
        for n, name in enumerate(names)
    )
    users = account.collection(STREAMS["users"])
    users.add(_user_row(account, number, rng) for number in range(USERS))
    account.collection(STREAMS["roles"]).add(_role_row(account, id_) for id_ in _ROLES)


def _user_row(account: Account, number: int, rng: Random) -> Row:
    user = account.users[number]
    role_id = None if number < _ADMINS else 9001
    rights = _rights() | {
        "is_admin": number < _ADMINS,
        "is_free": number == USERS - 1,
        "is_active": user.is_active,
        "group_id": user.group_id or None,
        "role_id": role_id,
    }
    embedded = {
        "roles": [] if role_id is None else [{"id": role_id, "name": _ROLES[role_id]}],
        "groups": [{"id": user.group_id, "name": GROUPS[user.group_id]}],
    }
    extra = {
        "uuid": f"{rng.getrandbits(128):032x}",
        "amojo_id": None if number % 4 == 3 else f"{rng.getrandbits(128):032x}",
        "user_rank": ("newbie", "candidate", "master", None)[number % 4],
        "phone_number": None if number % 2 else "+79160000000",
    }
    document = {
        "id": user.id,
        "name": user.name,
        "email": f"{latin(user.name.split()[-1])}.{number}@acme.example",
        "lang": "ru" if number % 5 else "en",
        "rights": rights,
    }
    return row(
        account,
        STREAMS["users"],
        document,
        embedded=f',"_embedded":{account.encode(embedded)}',
        blocks=tuple(f',"{k}":{account.encode(v)}'.encode() for k, v in extra.items()),
    )


def _role_row(account: Account, id_: int) -> Row:
    document = {"id": id_, "name": _ROLES[id_], "rights": _rights()}
    members = [user.id for user in account.users[_ADMINS:]] if id_ == 9001 else []
    users = f',"_embedded":{{"users":{account.encode(members)}}}'.encode()
    return row(account, STREAMS["roles"], document, blocks=(users,))


def _rights() -> Json:
    usual = {"view": "A", "edit": "G", "add": "A", "delete": "M", "export": "D"}
    return {
        "leads": usual,
        "contacts": usual,
        "companies": usual,
        "tasks": {"edit": "A", "delete": "D"},
        "mail_access": True,
        "catalog_access": False,
        "status_rights": None,
    }
