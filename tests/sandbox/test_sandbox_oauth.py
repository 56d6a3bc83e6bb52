"""Tokens by OAuth: rotation, expiry and the look-up of the subdomain (facts §2)."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
import requests

from sandbox.caller import Caller

CLIENT = {"client_id": "sandbox-client", "client_secret": "sandbox-secret",
          "redirect_uri": "https://app.example/cb"}  # fmt: skip


@pytest.fixture
def fresh(own: Callable[..., Caller]) -> Caller:
    return own("--token-lifetime", "100")


def exchange(caller: Caller, **body: Any) -> requests.Response:
    url = f"{caller.sandbox.url}/oauth2/access_token"
    return requests.post(url, json={**CLIENT, **body}, timeout=5)


def refresh(caller: Caller, token: str) -> requests.Response:
    return exchange(caller, grant_type="refresh_token", refresh_token=token)


def test_code_is_good_once(fresh: Caller) -> None:
    """A code gives a pair of tokens; the second time it is refused."""
    first = exchange(fresh, grant_type="authorization_code", code="sandbox-code")
    second = exchange(fresh, grant_type="authorization_code", code="sandbox-code")

    assert first.json()["expires_in"] == 100
    assert (second.status_code, second.json()["hint"]) == (
        400,
        "Authorization code has been revoked",
    )


def test_refresh_token_rotates(fresh: Caller) -> None:
    """Each refresh kills its token and gives the next one."""
    first = refresh(fresh, "sandbox-refresh")
    again = refresh(fresh, "sandbox-refresh")
    second = refresh(fresh, first.json()["refresh_token"])

    assert (again.status_code, again.json()["hint"]) == (401, "Token has been revoked")
    assert second.status_code == 200


def test_access_token_works_and_expires(fresh: Caller) -> None:
    """The token opens the API until its time is over."""
    token = refresh(fresh, "sandbox-refresh").json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}

    before = fresh.get("account", headers=headers).status_code
    fresh.sandbox.control("clock", {"advance": 101})
    after = fresh.get("account", headers=headers)

    assert (before, after.status_code) == (200, 401)
    assert fresh.get("account").status_code == 200


def test_access_token_is_a_jwt(fresh: Caller) -> None:
    """Its claims name the end of its life and the host of the API (facts §2.1)."""
    answer = refresh(fresh, "sandbox-refresh").json()
    claims = answer["access_token"].split(".")[1]

    read = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))

    assert read["exp"] == answer["server_time"] + 100
    assert fresh.sandbox.url == f"http://{read['api_domain']}"


def test_wrong_client_is_refused(fresh: Caller) -> None:
    """A wrong client does not use the token up."""
    body = {"grant_type": "refresh_token", "refresh_token": "sandbox-refresh"}

    assert exchange(fresh, **body, client_id="wrong").status_code == 401
    assert refresh(fresh, "sandbox-refresh").status_code == 200


def test_subdomain_can_be_asked(fresh: Caller) -> None:
    """The look-up takes a live refresh token and does not use it up (facts §2.6)."""
    url = f"{fresh.sandbox.url}/oauth2/account/current/subdomain"

    found = requests.get(url, headers={"X-Refresh-Token": "sandbox-refresh"}, timeout=5)
    lost = requests.get(url, headers={"X-Refresh-Token": "other"}, timeout=5)

    assert found.json()["id"] == fresh.sandbox.account_id
    assert lost.status_code == 401
    assert refresh(fresh, "sandbox-refresh").status_code == 200


def test_renamed_account(fresh: Caller) -> None:
    """The old name answers 404 and a redirect; the look-up tells the new one."""
    new = fresh.sandbox.url.removeprefix("http://").replace("127.0.0.1", "localhost")
    fresh.set(renamed_to=new)
    url = f"{fresh.sandbox.url}/oauth2/account/current/subdomain"

    found = requests.get(url, headers={"X-Refresh-Token": "sandbox-refresh"}, timeout=5)
    api = fresh.get("account")

    assert found.json()["domain"] == new
    assert refresh(fresh, "sandbox-refresh").status_code == 404
    assert (api.status_code, api.headers["Location"]) == (301, f"http://{new}/api/v4/account")
    body = {"grant_type": "refresh_token", "refresh_token": "sandbox-refresh", **CLIENT}
    moved = requests.post(f"http://{new}/oauth2/access_token", json=body, timeout=5)
    assert moved.status_code == 200
