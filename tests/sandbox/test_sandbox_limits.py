"""The rate limit and what the server counts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sandbox.caller import Caller
from sandbox.limits import Limiter
from sandbox.settings import Settings
from sandbox.stats import busiest


def test_eighth_request_of_a_second_is_refused() -> None:
    """Seven arrivals fit into any second, whatever its start."""
    limiter = Limiter(Settings(rate=7.0))
    times = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.95, 0.99, 1.2, 2.3]

    refused = [limiter.refuse(100 + moment) is not None for moment in times]

    assert refused == [False] * 7 + [True, False, False]


def test_a_second_later_is_another_window() -> None:
    """Arrivals exactly one second apart are not in the same second."""
    limiter = Limiter(Settings(rate=1.0))

    assert [limiter.refuse(moment) for moment in (5.0, 6.0, 7.0)] == [None, None, None]


@given(st.lists(st.integers(0, 40), max_size=30))
def test_busiest_second_is_the_true_one(ticks: list[int]) -> None:
    """The sliding count agrees with counting every window."""
    arrivals = [tick / 8 for tick in sorted(ticks)]

    windows = [sum(start <= each < start + 1 for each in arrivals) for start in arrivals]

    assert busiest(arrivals) == max(windows, default=0)


def test_rate_is_kept_over_http(api: Caller) -> None:
    """Too quick a client gets 429 with retry_after, and the server has counted it."""
    api.sandbox.control("reset-stats", {})
    api.set(rate=7.0, retry_after=3)

    answers = [api.get("account") for _ in range(10)]
    stats = api.sandbox.stats(arrivals=True)

    assert [answer.status_code for answer in answers] == [200] * 7 + [429] * 3
    assert answers[-1].json()["retry_after"] == 3
    assert (stats["requests"], stats["max_in_one_second"], stats["rate_violations"]) == (10, 10, 3)
    assert stats["by_status"] == {"200": 7, "429": 3}
    assert stats["by_path"] == {"/api/v4/account": 10}
    assert "by_target" not in stats
    assert stats["arrivals"] == sorted(stats["arrivals"])
    assert stats["arrivals"][-1] == stats["last_arrival"]


def test_requests_are_counted_with_their_query(api: Caller) -> None:
    """Which page was asked for, and how often."""
    api.sandbox.control("reset-stats", {})

    for page in (1, 2, 1):
        api.get(f"leads?page={page}")

    assert api.sandbox.targets() == {"/api/v4/leads?page=1": 2, "/api/v4/leads?page=2": 1}


def test_429_can_be_html(api: Caller) -> None:
    """The other form of the refusal is a page of the gateway."""
    api.set(rate=1.0, rate_body="html")

    answers = [api.get("account") for _ in range(2)]

    assert answers[1].status_code == 429
    assert answers[1].headers["Content-Type"] == "text/html"


def test_those_who_do_not_listen_are_blocked(api: Caller) -> None:
    """After some violations everything is an HTML 403, and it does not heal (facts §1.6)."""
    api.set(rate=1.0, block_after=2)
    statuses = [api.get("account").status_code for _ in range(4)]
    api.set(rate=0.0)

    answer = api.get("leads")

    assert statuses == [200, 429, 429, 403]
    assert answer.status_code == 403
    assert "nginx" in answer.text
