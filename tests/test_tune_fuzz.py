"""Killed at whatever moment, several at once, with a DBA in between: nothing is left behind.

After one recovery each option and each setting is as before, or as somebody else left it. The
way that everybody writes first is in here as well, and must fail: else the trials prove nothing.
More of them: AMO_TEST_TRIALS=2000 bin/test tests/test_tune_fuzz.py -s
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from psycopg import sql

from loader.db import Connection, scalar
from tests.support.forks import OPTIONS, SETTING, VALUE, Event, Forks, forks
from tests.support.servers import Server
from tuning import revert, system, tables

TRIALS = int(os.environ.get("AMO_TEST_TRIALS", "200"))
NAIVE_TRIALS = max(40, TRIALS // 5)

# Where, name of the option or setting: its value, None where it has none.
State = dict[tuple[str, str], str | None]


@dataclass(slots=True)
class Tally:
    """What a number of trials came to."""

    trials: int = 0
    kills: int = 0
    changes: int = 0
    wrong_options: int = 0  # trials that left autovacuum off, or another value
    wrong_settings: int = 0
    lost: int = 0  # trials in which somebody else's change was lost
    outcomes: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        return (
            f"{self.trials} trials, {self.kills} kills, {self.changes} foreign changes:"
            f" option wrong {self.wrong_options}, setting wrong {self.wrong_settings},"
            f" foreign change lost {self.lost}; {dict(self.outcomes)}"
        )


def test_the_journal_leaves_nothing_behind(
    server: Server, dsn: str, connection: Connection
) -> None:
    """After one recovery; a second one has nothing to do."""
    tally = run(server, dsn, connection, "journal", TRIALS)

    assert (tally.wrong_options, tally.wrong_settings, tally.lost) == (0, 0, 0), str(tally)
    # It was no walk-over: dead runs were cleaned up, and changes of others were met.
    assert tally.kills > TRIALS / 2
    assert tally.outcomes["restored"] > TRIALS
    assert tally.outcomes["skipped_changed"] > TRIALS / 100


def test_memory_and_finally_leave_much_behind(
    server: Server, dsn: str, connection: Connection
) -> None:
    """The old values in the process: gone with it, or taken from another run's."""
    tally = run(server, dsn, connection, "naive", NAIVE_TRIALS)

    assert tally.wrong_options > NAIVE_TRIALS / 5, str(tally)


def run(server: Server, dsn: str, connection: Connection, arm: str, trials: int) -> Tally:
    has_system = server.kind != "AMO_TEST_DSN"  # its settings are not ours to change
    chance = random.Random(f"tune {arm}")  # noqa: S311 - as often as you like, the same trials
    tally = Tally(trials)
    started = time.monotonic()
    with forks(dsn) as hands:
        try:
            for _ in range(trials):
                trial(hands, connection, arm, has_system, chance, tally)
        finally:
            if has_system:
                put(connection, ("server", SETTING), None)
                connection.execute("ALTER SYSTEM RESET checkpoint_timeout")
                connection.execute("SELECT pg_reload_conf()")
    print(f"\n{arm}: {tally}; {time.monotonic() - started:.1f} s")
    return tally


def trial(
    hands: Forks, connection: Connection, arm: str, has_system: bool, chance: random.Random,
    tally: Tally,
) -> None:  # fmt: skip
    before: State = {
        ("leads", tables.MAIN): chance.choice([None, "on", "true"]),
        ("leads", tables.TOAST): None,
        ("notes", tables.MAIN): chance.choice([None, "on"]),
        ("notes", tables.TOAST): chance.choice([None, "true", "1"]),
    }
    if has_system:
        before["server", SETTING] = chance.choice([None, "3GB"])
    for key, value in before.items():
        put(connection, key, value)
    events: list[Event] = [
        {"what": arm, "at": chance.uniform(0, 0.05), "seconds": chance.uniform(0, 0.06),
         "system": has_system}
        for _ in range(chance.randint(1, 4))
    ]  # fmt: skip
    for event in events:
        if chance.random() < 0.6:
            event["kill"] = event["at"] + chance.uniform(0, 0.2)
            tally.kills += 1
    change, expected = foreign(before, chance)
    tally.changes += len(change)
    hands.trial(events + change)
    wait_for_the_dead(connection)

    first = revert.revert(connection, revert.Leaving())
    tally.outcomes.update(
        outcome
        for (outcome,) in connection.execute("SELECT outcome FROM ops.tuning_journal").fetchall()
    )
    again = revert.revert(connection, revert.Leaving())
    found = {key: get(connection, key) for key in before}
    wrong = {key for key in before if found[key] != expected[key]}
    tally.wrong_options += any(table != "server" for table, _ in wrong)
    tally.wrong_settings += any(table == "server" for table, _ in wrong)
    tally.lost += any((one["table"], one["name"]) in wrong for one in change)
    if arm == "journal":
        assert again == []
        assert not wrong, (events, change, before, found, first)
    connection.execute("DELETE FROM ops.tuning_journal")


def foreign(before: State, chance: random.Random) -> tuple[list[Event], State]:
    """In every third trial a DBA changes one of them; what is to be there in the end."""
    if chance.random() > 0.33:
        return [], before
    table, name = chance.choice([key for key in before if key != ("leads", tables.TOAST)])
    values = ["5GB", "2GB", None] if table == "server" else ["off", "false", "yes", None]
    if name == tables.TOAST:
        values.remove(None)
    value = chance.choice(values)
    event = {"what": "somebody else", "at": chance.uniform(0, 0.25), "table": table, "name": name,
             "value": value}  # fmt: skip
    return [event], before | {(table, name): value}


def put(connection: Connection, key: tuple[str, str], value: str | None) -> None:
    table, name = key
    if table == "server":
        connection.execute(system.statement(name, value))
        connection.execute("SELECT pg_reload_conf()")
    else:
        connection.execute(tables.statement(sql.Identifier("amo", table), name, value))


def get(connection: Connection, key: tuple[str, str]) -> Any:
    table, name = key
    if table == "server":
        return system.in_file(connection, name)
    option = "SELECT ops.table_option(%s::regclass, %s)"
    return scalar(connection, option, (f"amo.{table}", name))


def wait_for_the_dead(connection: Connection) -> None:
    """A backend outlives its client by the statement it is at."""
    others = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
    )
    deadline = time.monotonic() + 30
    while scalar(connection, others):
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_the_trials_are_about_what_is_applied() -> None:
    """A value that a DBA sets here must never be one of ours."""
    assert tables.OFF not in ("off", "false", "yes", "on", "true", "1")
    assert VALUE not in ("2GB", "3GB", "5GB")
    assert {name for _, name in OPTIONS} == {tables.MAIN, tables.TOAST}
