"""The token endpoint of an account: exchange, refresh, and where the account lives (facts §2)."""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase

from loader import __version__
from loader.api.answers import says
from loader.api.pace import Pace
from loader.api.retry import (
    TIMEOUT_SECONDS,
    Transient,
    exhausted,
    no_answer,
    raise_for_trouble,
    retrying,
)
from loader.config import OAuthSettings, is_loopback
from loader.errors import ConnectError
from loader.metrics import OAUTH, Traffic

_AMO_HOST = re.compile(r"([a-z0-9-]+\.)+(amocrm\.ru|amocrm\.com|kommo\.com)")
_LOOPBACK = re.compile(r"([a-z0-9.]+|\[[0-9a-f:]+\])(:\d+)?")


@dataclass(frozen=True, slots=True)
class Grant:
    """What the token endpoint gave, and the address that gave it."""

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    lifetime_seconds: int
    base_url: str


class Refused(Exception):  # noqa: N818 - an answer, which the caller explains
    """The token endpoint said no, for good."""

    def __init__(self, base_url: str, status: int, words: str, tries: int) -> None:
        super().__init__(f"POST {base_url}/oauth2/access_token: HTTP {status}: {words}")
        self.status = status
        self.tries = tries

    @property
    def may_have_moved(self) -> bool:
        """401 and 404 are also what a renamed account answers (facts §2.6), and redirects."""
        return self.status in (401, 404) or 300 <= self.status < 400


class _Plain(AuthBase):
    """No Authorization header: without it, requests would take one from ~/.netrc."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


class TokenEndpoint:
    """Asks for tokens in the name of one integration."""

    def __init__(
        self, settings: OAuthSettings, pace: Pace, stop: threading.Event, traffic: Traffic
    ) -> None:
        self._settings = settings
        self._pace = pace
        self._stop = stop
        self._traffic = traffic

    def exchange(self, base_url: str, code: str) -> Grant:
        """A pair for an authorization code. Raises Refused and what a request may raise."""
        return self._grant(base_url, {"grant_type": "authorization_code", "code": code})

    def refresh(self, base_url: str, refresh_token: str, access_token: str | None) -> Grant:
        """A pair for a refresh token, which is used up; follows the account when it moved."""
        body = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        try:
            return self._grant(base_url, body)
        except Refused as exc:
            moved_to = None
            if exc.may_have_moved:
                moved_to = self.address(base_url, refresh_token, access_token)
            if moved_to in (None, base_url):
                raise
            return self._grant(str(moved_to), body)

    def address(self, base_url: str, refresh_token: str, access_token: str | None) -> str | None:
        """Where the account lives now; None when that cannot be told. Uses no token up."""
        host = str(claims(access_token or "").get("api_domain", ""))
        if (api := trusted_url(host, base_url)) is None:
            return None
        response, _ = self._send(
            "GET",
            f"{api}/oauth2/account/current/subdomain",
            headers={"X-Refresh-Token": refresh_token},
        )
        try:
            domain = str(response.json()["domain"]) if response.status_code == 200 else ""
        except (ValueError, KeyError, TypeError):
            return None
        return trusted_url(domain, base_url)

    def _grant(self, base_url: str, body: Mapping[str, str]) -> Grant:
        settings = self._settings
        client = {"client_id": settings.client_id, "client_secret": settings.client_secret}
        whole = client | dict(body) | {"redirect_uri": settings.redirect_uri}
        response, tries = self._send("POST", f"{base_url}/oauth2/access_token", body=whole)
        if response.status_code != 200:
            raise Refused(base_url, response.status_code, says(response), tries)
        try:
            given = response.json()
            return Grant(
                access_token=str(given["access_token"]),
                refresh_token=str(given["refresh_token"]),
                lifetime_seconds=int(given["expires_in"]),
                base_url=base_url,
            )
        except (ValueError, KeyError, TypeError) as exc:
            raise ConnectError(
                "this address does not answer as amoCRM does",
                # Not the body: it may hold half of a token.
                detail=f"POST {base_url}/oauth2/access_token gave {len(response.content)} bytes "
                f"of {response.headers.get('Content-Type', 'no type')}",
                hint="check AMO_BASE_URL: it is the address of your account",
            ) from exc

    def _send(
        self,
        method: str,
        url: str,
        *,
        body: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[requests.Response, int]:
        """One request, asked again where that helps, and how often it was made.

        Also a POST whose answer was lost: a refresh token that was used up is refused the
        second time, and one that was not still works.
        """
        try:
            for attempt in retrying(self._stop):
                with attempt:
                    self._pace.wait()
                    number = attempt.retry_state.attempt_number
                    with self._traffic.sending(OAUTH, number) as sent:
                        response = _send_once(method, url, body, headers)
                        sent.status = str(response.status_code)
                    raise_for_trouble(response, self._pace)
                    return response, number
        except Transient as exc:
            raise exhausted(exc) from exc
        raise AssertionError  # Retrying returns or raises


def trusted_url(host: str, like: str) -> str | None:
    """The address of a host that tokens may be sent to, given the configured one; or None.

    Only amoCRM's own domains over https, or this machine when the account is there too.
    """
    configured = urlsplit(like)
    host = host.lower()
    if _AMO_HOST.fullmatch(host) and _AMO_HOST.fullmatch(configured.hostname or ""):
        return f"https://{host}"
    if _LOOPBACK.fullmatch(host) and is_loopback(configured.hostname or ""):
        url = f"{configured.scheme}://{host}"
        return url if is_loopback(urlsplit(url).hostname or "") else None
    return None


def _send_once(
    method: str, url: str, body: Mapping[str, str] | None, headers: Mapping[str, str] | None
) -> requests.Response:
    try:
        return requests.request(
            method,
            url,
            json=body,
            headers={"User-Agent": f"amo-loader/{__version__}", **(headers or {})},
            timeout=TIMEOUT_SECONDS,
            auth=_Plain(),
            # Tokens go to the account's own host only, never along a redirect.
            allow_redirects=False,
        )
    except requests.exceptions.RequestException as exc:
        raise no_answer(exc) from exc


def claims(token: str) -> Mapping[str, object]:
    """The claims of a JWT, unverified; none for anything else."""
    try:
        part = token.split(".")[1]
        found = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (IndexError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
