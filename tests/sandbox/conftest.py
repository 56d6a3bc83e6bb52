"""One running sandbox for all tests that leave its data alone, and a client for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict

import pytest

from sandbox.caller import Caller, caller
from sandbox.process import start
from sandbox.settings import Settings

SIZES = ("--companies", "60", "--customers", "12")


@pytest.fixture(scope="session")
def shared() -> Iterator[Caller]:
    """Return a client of the sandbox of the whole test run."""
    with start(*SIZES) as sandbox:
        made = caller(sandbox)
        yield made
        made.session.close()


@pytest.fixture
def api(shared: Caller) -> Iterator[Caller]:
    """Return the client with all quirks off, and put them off again afterwards."""
    yield shared
    shared.sandbox.control("settings", asdict(Settings()))
    shared.sandbox.control("faults", {"clear": True})
    shared.sandbox.control("reset-stats", {})


@pytest.fixture
def own() -> Iterator[Callable[..., Caller]]:
    """Return a starter of sandboxes that a test may spoil."""
    with ExitStack() as stack:

        def begin(*args: str) -> Caller:
            made = caller(stack.enter_context(start(*SIZES, *args)))
            stack.callback(made.session.close)
            return made

        yield begin
