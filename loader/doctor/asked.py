"""amoCRM asked as a load asks it: with its credentials, at the pace of all, but less patiently."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property

import psycopg

from loader import account
from loader.account import Account
from loader.api.auth import credentials
from loader.api.client import Answer, Client
from loader.api.pace import Pace
from loader.config import Config
from loader.db import Connection, scalar
from loader.doctor.finding import Skip
from loader.errors import AmoError
from loader.metrics import Traffic

# A load gives it four tries and up to a minute; who looks at a monitor waits less.
TRIES = 2


class Asked:
    """At most two requests, however many checks want to know."""

    def __init__(
        self,
        config: Config,
        dsn: str,
        connection: Connection | None,
        may: Callable[[str, str], bool],
    ) -> None:
        """may: has this role that right on that relation?"""
        self._may = may
        self._config = config
        self._dsn = dsn
        self._connection = connection
        self._pace: Pace | None = None
        self._answer: Account | Exception | None = None
        self._heard = 0.0  # by time.monotonic()
        self.heard_at = datetime.now(UTC)
        """When the answer about the account came, by the clock of this machine."""

    def account(self) -> Account:
        """Who the account is. Raises Skip, and what account.ask raises, each time the same."""
        if self._answer is None:
            try:
                self._answer = account.ask(self._client, threading.Event())
            except (AmoError, Skip, psycopg.Error) as exc:
                self._answer = exc
            self._heard, self.heard_at = time.monotonic(), datetime.now(UTC)
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer

    def since_heard(self) -> float:
        """Seconds since then."""
        return time.monotonic() - self._heard

    def get(self, path: str) -> Answer:
        """One more request. Raises what Client.get raises."""
        return self._client.get(path, {})

    def close(self) -> None:
        if self._pace is not None:
            self._pace.close()

    @cached_property
    def _client(self) -> Client:
        config, stop, traffic = self._config, threading.Event(), Traffic()
        if not config.token():
            self._require_tokens()
        self._pace = Pace(config.rate if self._has_pace() else 0.0, config.base_url, self._dsn)
        access = credentials(config, self._dsn, self._pace, stop, traffic)
        return Client(access, self._pace, stop, traffic, tries=TRIES)

    def _require_tokens(self) -> None:
        """OAuth keeps its tokens in the database. Raises Skip, or UsageError for its settings."""
        self._config.oauth()
        if not self._may("SELECT", "ops.tokens"):
            raise Skip("the tokens of OAuth are in ops.tokens, which cannot be read here")

    def _has_pace(self) -> bool:
        """Without a table of turns no load of this database is running that could be disturbed.

        Raises Skip where there is one and this role may not use it.
        """
        if self._connection is None or self._connection.closed:
            return False
        if not scalar(self._connection, "SELECT pg_catalog.to_regnamespace('ops') IS NOT NULL"):
            return False
        if not (self._may("INSERT", "ops.pace") and self._may("UPDATE", "ops.pace")):
            raise Skip("this role may not take a turn in ops.pace, and nobody may ask without")
        return True
