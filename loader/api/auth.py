"""Credentials: what a request shows to amoCRM, and what to do when that is refused."""

from __future__ import annotations

import threading
from typing import Protocol

from loader.api.oauth import oauth
from loader.api.pace import Pace
from loader.config import Config
from loader.metrics import Traffic


class Credentials(Protocol):
    """Thread-safe; `bearer`, `refused` and `redirected` may ask amoCRM and the database."""

    @property
    def base_url(self) -> str:
        """Where the account lives, as far as is known."""

    @property
    def hint(self) -> str:
        """What a person should do when amoCRM refuses the token for good."""

    def bearer(self) -> str:
        """The access token for the next request."""

    def refused(self, bearer: str) -> bool:
        """After a 401: True when there is another token now, so that asking again helps."""

    def redirected(self, base_url: str) -> bool:
        """After a redirect: True when the account is known to live elsewhere now."""


class LongLived:
    """A token made in the settings of the integration: it works, or it does not."""

    hint = (
        "the token expired, was revoked, or belongs to another account: make a new "
        "long-lived token in the settings of the integration; what was loaded is safe"
    )

    def __init__(self, base_url: str, token: str) -> None:
        self.base_url = base_url
        self._token = token

    def bearer(self) -> str:
        return self._token

    def refused(self, bearer: str) -> bool:
        return False

    def redirected(self, base_url: str) -> bool:
        return False


def credentials(
    config: Config, dsn: str, pace: Pace, stop: threading.Event, traffic: Traffic
) -> Credentials:
    """The long-lived token when one is set, else OAuth. Raises UsageError without either."""
    if token := config.token():
        return LongLived(config.base_url, token)
    return oauth(config, dsn, pace, stop, traffic)
