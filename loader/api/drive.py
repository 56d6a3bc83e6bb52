"""The file service of an account: a host of its own, which gets the token when it is amoCRM's."""

from __future__ import annotations

import re
import threading
from urllib.parse import urlsplit

from loader.api.answers import Reply, says
from loader.api.auth import Credentials
from loader.api.client import Answer, Client, Query, Unavailable
from loader.api.pace import Pace
from loader.config import is_loopback
from loader.errors import BlockedError, ConnectError, TemporaryError
from loader.metrics import Traffic

_HOST = re.compile(r"https://drive-[a-z0-9-]+\.(amocrm\.ru|amocrm\.com|kommo\.com)/?")


def address(drive_url: object, account_url: str) -> str | None:
    """Where the files of an account are asked for; None when the token must not go there.

    The account names it, and an account is not to be trusted with where its token goes.
    """
    if not isinstance(drive_url, str):
        return None
    if not is_loopback(urlsplit(account_url).hostname or ""):
        return drive_url.rstrip("/") if _HOST.fullmatch(drive_url) else None
    try:
        parts = urlsplit(drive_url)
        is_here = is_loopback(parts.hostname or "") and parts.scheme in ("http", "https")
    except ValueError:
        return None
    return f"{parts.scheme}://{parts.netloc}" if is_here and "@" not in parts.netloc else None


class Drive(Client):
    """Asks the file service. What it refuses concerns the files only, never the whole load."""

    def __init__(
        self,
        credentials: Credentials,
        pace: Pace,
        stop: threading.Event,
        traffic: Traffic,
        drive_url: object,
    ) -> None:
        """`drive_url` as the account tells it, whatever it is."""
        super().__init__(credentials, pace, stop, traffic)
        self._drive_url = drive_url

    def get(self, path: str, query: Query, *, stream: str = "other") -> Answer:
        """Ask until there is an answer that is final.

        Raises Unavailable, TooHeavy, TemporaryError, and ConnectError when there is no file
        service that may have the token.
        """
        try:
            return super().get(path, query, stream=stream)
        except BlockedError as exc:
            raise TemporaryError(
                "the file service keeps refusing because of the rate limit", detail=exc.detail
            ) from exc

    def _url(self, base_url: str, path: str) -> str:
        host = address(self._drive_url, base_url)
        if host is None:
            raise ConnectError(
                "the account names no file service that may have the token",
                detail=f"its drive_url is {self._drive_url!r}; nothing was sent there",
                hint="files are at https://drive-….amocrm.ru, .amocrm.com or .kommo.com",
            )
        return f"{host}/v1.0/{path}"

    def _judge(self, response: Reply, *, is_divisible: bool) -> bytes | None:
        # The account took the same token: what it lacks is the right to files.
        if response.status_code in (401, 403):
            raise Unavailable(response.status_code, says(response))
        if 300 <= response.status_code < 400:
            raise TemporaryError(
                "the file service answers with a redirect, which is not followed",
                detail=f"HTTP {response.status_code} to {response.headers.get('Location')}",
            )
        return super()._judge(response, is_divisible=is_divisible)
