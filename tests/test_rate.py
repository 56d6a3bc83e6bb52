"""Seven requests a second, counted by the server that would block us."""

from __future__ import annotations

import pytest

from sandbox import process
from tests.conftest import for_account


@pytest.mark.alone
def test_never_over_the_limit_and_close_to_it(dsn: str) -> None:
    """With answers that take 0.3 to 0.7 s: no 429, at most 7 a second, and not far below."""
    flags = ["--companies", "600", "--seed", "7", "--rate", "7", "--latency", "0.3:0.7"]
    with process.start(*flags) as account:
        for_account(dsn, account).ok("load", AMO_RATE="7")
        stats = account.stats()

    assert stats["by_status"].get("429", 0) == 0
    assert stats["max_in_one_second"] <= 7
    seconds = stats["last_arrival"] - stats["first_arrival"]
    # The tail of the longest stream is read page by page: that is not the pace's doing.
    assert stats["requests"] / seconds > 7 * 0.8
