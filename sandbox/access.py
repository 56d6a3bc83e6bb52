"""What an account refuses to show: for want of rights, or because it is switched off."""

from __future__ import annotations

from sandbox.generate.account import Account
from sandbox.overview import current_user
from sandbox.problems import NO_CONTENT, Answer, failure, problem
from sandbox.settings import Settings
from sandbox.store import Collection, Test
from sandbox.streams import ADMIN_ONLY


def refusal(stream: str, settings: Settings) -> Answer | None:
    """Return why a stream is not shown, or None when it is."""
    if stream.startswith("customers"):
        if settings.customers_answer == "204":
            return NO_CONTENT
        if settings.customers_answer != "on":
            return failure(int(settings.customers_answer))
    if stream == "customers/statuses" and settings.customers_mode == "segments":
        return problem(422, "Periodicity is disabled")
    if stream in settings.denied.split(","):
        return problem(403, "Недостаточно прав для просмотра")
    if stream in ADMIN_ONLY and not settings.admin:
        return problem(403, "Administrator rights are required")
    return None


def visible(account: Account, collection: Collection, settings: Settings) -> list[Test]:
    """Return the tests of what the token's owner sees: a plain user, the own group only.

    Lists are narrowed without a word (facts §2.1).
    """
    if settings.admin or "responsible_user_id" not in collection.stream.facets:
        return []
    groups = {user.id: user.group_id for user in account.users}
    group = groups[current_user(account, settings)]
    mates = {user_id for user_id, of in groups.items() if of == group}
    owner = collection.getter("responsible_user_id")
    return [lambda row: owner(row) in mates]
