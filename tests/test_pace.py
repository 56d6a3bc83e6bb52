"""One pace for all threads of all processes that ask the same account."""

from __future__ import annotations

import signal
import subprocess
import time

import pytest

from loader.api import pace as pacing
from loader.api.pace import Pace
from loader.db import Connection, scalar
from sandbox import process
from sandbox.process import Sandbox
from tests.conftest import for_account
from tests.support import pacer
from tests.support.commands import Commands
from tests.support.pacer import next_turn

URL = "https://example.amocrm.ru"
PACERS = (
    "SELECT count(*) FROM pg_stat_activity"
    " WHERE application_name LIKE 'amo-pace/%' AND datname = current_database()"
)


def test_two_processes_share_one_limit(dsn: str) -> None:
    """Two loads of one account: together never over the limit, close to it, half each."""
    with (
        process.start("--companies", "5", "--rate", "7", "--latency", "0.3:1.5") as account,
        pacer.start(dsn, account.url, 7, threads=8, seconds=10, token=account.token) as one,
        pacer.start(dsn, account.url, 7, threads=8, seconds=10, token=account.token) as two,
    ):
        outputs = [each.communicate(timeout=60)[0].split() for each in (one, two)]
        stats = account.stats(arrivals=True)

    counts = [len(output) for output in outputs]
    turns = sorted(float(moment) for output in outputs for moment in output)
    assert min(turns[i + 7] - turns[i] for i in range(len(turns) - 7)) > 1.01
    # No pace can help a machine so busy that the way to the server takes longer than the margin.
    shift = time.time() - time.monotonic()
    ways = [at - shift - turn for at, turn in zip(stats["arrivals"], turns, strict=True)]
    if max(ways) < 0.018:
        assert stats["by_status"] == {"200": sum(counts)}
        assert stats["max_in_one_second"] <= 7
    # 97.9 % on a machine that has nothing else to do.
    assert len(turns) - 1 > 7 * 0.9 * (turns[-1] - turns[0])
    assert min(counts) > 0.4 * sum(counts)


def test_slow_down_reaches_the_other_process(dsn: str, connection: Connection) -> None:
    """A 429 of one halves the pace of all, for a minute."""
    with Pace(20, URL, dsn) as pace, pacer.start(dsn, URL, 20) as other:
        fast = _seconds_for(20, other)
        pace.slow_down()
        slow = _seconds_for(20, other)
        left = scalar(connection, "SELECT slow_until - clock_timestamp() FROM ops.pace")
        connection.execute("UPDATE ops.pace SET slow_until = clock_timestamp()")
        fast_again = _seconds_for(20, other)

    assert 50 < left.total_seconds() < 60
    assert slow > 1.6 * fast
    assert slow > 1.6 * fast_again


def _seconds_for(turns: int, process: subprocess.Popen[str]) -> float:
    start = next_turn(process)
    return [next_turn(process) for _ in range(turns)][-1] - start


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_dead_or_frozen_process_blocks_nobody(dsn: str, number: signal.Signals) -> None:
    """What it had taken is one turn, which passes unused."""
    with Pace(2, URL, dsn) as pace, pacer.start(dsn, URL, 2) as other:
        next_turn(other)
        time.sleep(0.1)
        other.send_signal(number)

        turns = [pace.wait() for _ in range(3)]

    # Its turn, and three of ours.
    assert sum(turns) < 5 * 0.51


def test_a_late_request_is_not_followed_closely(dsn: str) -> None:
    """A thread that wakes up late puts the turns of other processes off."""
    with Pace(1, URL, dsn) as pace, pacer.start(dsn, URL, 1, seconds=1) as other:
        first = next_turn(other)
        time.sleep(0.1)
        other.send_signal(signal.SIGSTOP)
        time.sleep(first + 1.5 - time.monotonic())
        other.send_signal(signal.SIGCONT)
        late = next_turn(other)
        pace.wait()
        following = time.monotonic()

    assert late > first + 1.5
    assert following > late + 0.95


def test_an_overslept_turn_is_lost(dsn: str) -> None:
    """By now the requests of other processes are around it: another turn is taken."""
    with Pace(1, URL, dsn) as pace, pacer.start(dsn, URL, 1) as other:
        first = next_turn(other)
        time.sleep(0.1)
        other.send_signal(signal.SIGSTOP)
        pace.wait()
        between = time.monotonic()
        time.sleep(0.3)
        other.send_signal(signal.SIGCONT)

        assert between > first + 2
        assert next_turn(other) > between + 0.95


def test_a_clock_that_was_set_back(dsn: str, connection: Connection) -> None:
    """Turns from far in the future are not waited for."""
    with Pace(7, URL, dsn) as pace:
        pace.wait()
        connection.execute("UPDATE ops.pace SET next_at = next_at + interval '20 s'")

        assert pace.wait() < 10


def test_one_row_per_account(dsn: str, connection: Connection) -> None:
    """The host, however it is written, and its port."""
    for url in (URL, "https://EXAMPLE.amocrm.ru:443", "http://127.0.0.1:8001"):
        with Pace(7, url, dsn) as pace:
            pace.wait()

    rows = connection.execute("SELECT host FROM ops.pace ORDER BY host").fetchall()
    assert rows == [("127.0.0.1:8001",), ("example.amocrm.ru",)]


@pytest.mark.alone  # what another database of the server has open keeps old versions from pruning
def test_a_turn_writes_no_wal_and_leaves_no_litter(dsn: str, connection: Connection) -> None:
    """UNLOGGED, and pruned by the updates themselves: 1000 versions would take 8 pages."""
    with Pace(500, URL, dsn) as pace:
        for _ in range(1000):
            pace.wait()
        plan = scalar(
            connection,
            "EXPLAIN (ANALYZE, WAL, FORMAT json) " + pacing._TAKE_TURN,
            pace._parameters,
        )

    assert plan[0]["Plan"]["Conflicting Tuples"] == 1
    assert plan[0]["Plan"]["WAL Bytes"] == 0
    assert scalar(connection, "SELECT pg_relation_size('ops.pace') / 8192") <= 3


def test_lost_connection_ends_the_load(
    dsn: str, own_account: Sandbox, connection: Connection
) -> None:
    """Without the shared pace nothing may be asked; the next load continues."""
    commands = for_account(dsn, own_account)
    load = commands.start("load", AMO_RATE="7")
    while not scalar(connection, "SELECT count(*) FROM ops.pages"):
        time.sleep(0.05)
    connection.execute(PACERS.replace("count(*)", "pg_terminate_backend(pid)"))
    _, err = load.communicate(timeout=30)

    assert load.returncode == 56, err
    assert "the connection to PostgreSQL was lost" in err
    assert "Traceback" not in err
    assert commands.ok("load", "--json").json["resumed"] is True


def test_first_load_of_an_empty_database(empty_dsn: str, commands: Commands) -> None:
    """The table is there before the first request."""
    commands.ok("load", "--stream", "users", AMO_DSN=empty_dsn, AMO_RATE="7")


def test_no_limit_no_sql(commands: Commands, connection: Connection) -> None:
    """Rate 0, against a sandbox: the table stays empty."""
    commands.ok("load", "--stream", "users")
    unlimited = scalar(connection, "SELECT count(*) FROM ops.pace")
    commands.ok("load", "--stream", "users", AMO_RATE="7")

    assert unlimited == 0
    assert scalar(connection, "SELECT count(*) FROM ops.pace") == 1


def test_one_connection_from_the_first_wait_to_the_end(dsn: str, connection: Connection) -> None:
    """Opened when it is needed, and closed."""
    with Pace(50, URL, dsn) as pace:
        before = scalar(connection, PACERS)
        pace.wait()
        pace.wait()
        during = scalar(connection, PACERS)

    assert (before, during) == (0, 1)
    deadline = time.monotonic() + 5
    while scalar(connection, PACERS):
        assert time.monotonic() < deadline, "it is still open"
