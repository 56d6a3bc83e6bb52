"""Tokens: the long-lived one, and those that OAuth gives and takes (facts §2)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass, field
from typing import Any

from sandbox.clock import Clock
from sandbox.generate.account import Account
from sandbox.overview import current_user
from sandbox.problems import PROBLEM, Answer, problem
from sandbox.settings import Settings

REFRESH_SECONDS = 90 * 86_400
EXCHANGE_PATH = "/oauth2/access_token"
SUBDOMAIN_PATH = "/oauth2/account/current/subdomain"


@dataclass(frozen=True, slots=True)
class Client:
    """The integration, and what it holds at the start."""

    token: str
    client_id: str
    client_secret: str
    code: str
    refresh_token: str


@dataclass(slots=True)
class OAuth:
    """All tokens of the account."""

    client: Client
    account: Account
    url: str
    clock: Clock
    settings: Settings
    _codes: set[str] = field(init=False)
    _refresh: dict[str, int] = field(init=False)
    """Live refresh tokens with the time of their end; used ones are gone from here."""
    _access: dict[str, int] = field(default_factory=dict)
    _count: int = 0

    def __post_init__(self) -> None:
        self._codes = {self.client.code}
        self._refresh = {self.client.refresh_token: self.clock.now() + REFRESH_SECONDS}

    def refuse(self, authorization: str) -> Answer | None:
        """Return the 401 of a request, or None when its token is good."""
        kind, _, token = authorization.partition(" ")
        if kind.lower() != "bearer" or not self._is_known(token):
            return problem(401, "Unauthorized")
        if self.settings.credentials != "valid":
            return problem(401, f"Token has been {self.settings.credentials}")
        now = self.clock.now()
        if self._access.get(token, now + 1) <= now:
            return problem(401, "Token has been expired")
        return None

    def _is_known(self, token: str) -> bool:
        return token == self.client.token or token in self._access

    def exchange(self, body: bytes) -> Answer:
        """Answer POST /oauth2/access_token."""
        try:
            asked: Any = json.loads(body)
        except ValueError:
            asked = None
        if not isinstance(asked, dict):
            return _error(400, "The request body is not JSON")
        if (asked.get("client_id"), asked.get("client_secret")) != (
            self.client.client_id,
            self.client.client_secret,
        ):
            return _error(401, "Client authentication failed")
        if asked.get("grant_type") == "authorization_code":
            return self._by_code(str(asked.get("code")))
        if asked.get("grant_type") == "refresh_token":
            return self._by_refresh(str(asked.get("refresh_token")))
        return _error(400, "The authorization grant type is not supported")

    def _by_code(self, code: str) -> Answer:
        if code not in self._codes:
            return _error(400, "Authorization code has been revoked")
        self._codes.discard(code)
        return self._pair()

    def _by_refresh(self, token: str) -> Answer:
        # A refresh token works once: the second one to use it is told so (facts §2.3).
        end = self._refresh.pop(token, None)
        if end is None or self.settings.credentials == "revoked":
            return _error(401, "Token has been revoked")
        if end <= self.clock.now():
            return _error(401, "Token has expired")
        return self._pair()

    def _pair(self) -> Answer:
        now, lifetime = self.clock.now(), self.settings.token_lifetime
        self._count += 1
        refresh = "def50200" + self._digest(f"refresh:{self._count}") * 4
        access = self._jwt(now, now + lifetime)
        self._access[access] = now + lifetime
        self._refresh[refresh] = now + REFRESH_SECONDS
        document = {
            "token_type": "Bearer",
            "expires_in": lifetime,
            "server_time": now,
            "access_token": access,
            "refresh_token": refresh,
        }
        return Answer(200, json.dumps(document).encode(), "application/json")

    def _jwt(self, issued: int, end: int) -> str:
        claims = {
            "aud": self.client.client_id,
            "jti": self._digest(f"access:{self._count}"),
            "iat": issued,
            "nbf": issued,
            "exp": end,
            "sub": str(current_user(self.account, self.settings)),
            "account_id": self.account.id,
            "api_domain": self._host,
            "scopes": ["crm"],
        }
        head = ".".join(_base64(json.dumps(part).encode()) for part in (_JWT_HEADER, claims))
        signature = hmac.digest(self.client.client_secret.encode(), head.encode(), "sha256")
        return f"{head}.{_base64(signature)}"

    def _digest(self, text: str) -> str:
        return hashlib.sha256(f"{self.client.client_secret}:{text}".encode()).hexdigest()

    @property
    def _host(self) -> str:
        return self.url.removeprefix("http://")

    def subdomain(self, refresh_token: str) -> Answer:
        """Tell where the account lives now; the refresh token is not used up (facts §2.6)."""
        if refresh_token not in self._refresh:
            return _error(401, "Token has been revoked")
        document = {
            "id": self.account.id,
            "subdomain": "sandbox",
            "domain": self.settings.renamed_to or self._host,
            "top_level_domain": "ru",
        }
        return Answer(200, json.dumps(document).encode(), "application/json")


_JWT_HEADER = {"typ": "JWT", "alg": "HS256"}


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _error(status: int, hint: str) -> Answer:
    document = {
        "hint": hint,
        "title": "Некорректный запрос",
        "type": "https://developers.amocrm.ru/v3/errors/OAuthProblemJson",
        "status": status,
        "detail": "В запросе отсутствует ряд параметров или параметры невалидны",
    }
    return Answer(status, json.dumps(document).encode(), PROBLEM)
