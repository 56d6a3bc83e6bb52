"""A load taken while rows vanish, come back and appear between its pages (facts §3.5, §7)."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from loader.db import Connection, scalar
from sandbox import process
from sandbox.process import Sandbox
from tests.conftest import for_account
from tests.support.commands import Commands
from tests.support.truth import TABLES, kept


def ids(rows: Iterable[tuple[int, int]]) -> set[int]:
    return {number for number, _ in rows}


def plan_changes(account: Sandbox, every: int, steps: int) -> None:
    """Deletions, merges, returns and new rows, spread over the requests of a load."""
    for step in range(steps):
        change = {
            "delete": {"leads": 3, "contacts": 3, "companies": 1, "tasks": 2, "leads/notes": 3},
            "insert": {"leads": 2, "contacts": 2, "leads/notes": 2},
            "update": {"leads": 5, "contacts": 5},
            "merge": {"contacts": 1, "companies": 1},
        }
        if step % 3 == 2:
            change["restore"] = {"leads": 2, "contacts": 1}
        account.control("schedule", {"after_requests": every * (step + 1), "mutate": change})


@pytest.mark.parametrize("is_first", [True, False])
def test_nothing_that_stayed_is_missing(dsn: str, connection: Connection, is_first: bool) -> None:
    """In the first load, too, of whose missing rows nobody knows; nothing alive is deleted."""
    sizes = ["--companies", "300", "--leads", "6000", "--contacts", "4000", "--notes", "6000"]
    with process.start(*sizes, "--seed", "7", "--latency", "0.01:0.05") as account:
        commands = for_account(dsn, account)
        if not is_first:
            commands.ok("load")
            commands.ok("transform")
        before = {stream: ids(account.truth(stream)) for stream in TABLES}
        plan_changes(account, every=8, steps=12)

        commands.ok("load", "--max-delete-pct", "50")
        commands.ok("transform")

        after = {stream: ids(account.truth(stream)) for stream in TABLES}
    for stream in TABLES:
        stayed, found = before[stream] & after[stream], kept(connection, stream)
        assert len(found) == len(ids(found)), f"{stream}: twice"
        assert stayed <= ids(found), f"{stream}: slipped through"
        deleted = ids(kept(connection, stream, "deleted_at IS NOT NULL"))
        assert not stayed & deleted, f"{stream}: taken for deleted"
    again = scalar(connection, "SELECT count(*) FROM ops.pages WHERE params ? 'again'")
    assert int(str(again)) > 0


def test_a_quiet_load_asks_for_no_page_twice(
    own_commands: Commands, own_account: Sandbox, connection: Connection
) -> None:
    """One question: did anything vanish meanwhile? Nothing did."""
    own_commands.ok("load")

    assert scalar(connection, "SELECT count(*) FROM ops.pages WHERE params ? 'again'") == 0
    checks = connection.execute("SELECT requests FROM ops.pages WHERE params ? 'check'").fetchall()
    assert len(checks) == 1
