"""A plain client of a running sandbox, for tests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import requests

from sandbox.process import Sandbox


@dataclass(frozen=True, slots=True)
class Caller:
    """A sandbox and a session that speaks to it."""

    sandbox: Sandbox
    session: requests.Session

    def get(self, path: str, **more: Any) -> requests.Response:
        """Ask for a path below /api/v4/ without following redirects."""
        url = f"{self.sandbox.url}/api/v4/{path}"
        return self.session.get(url, allow_redirects=False, timeout=20, **more)

    def items(self, path: str) -> list[dict[str, Any]]:
        """Return the rows of one page, none for a 204."""
        answer = self.get(path)
        if answer.status_code == 204:
            return []
        (rows,) = answer.json()["_embedded"].values()
        return list(rows)

    def walk(self, stream: str, query: str = "limit=250") -> list[dict[str, Any]]:
        """Read all pages of a list until the first empty one."""
        found: list[dict[str, Any]] = []
        page = 1
        while rows := self.items(f"{stream}?{query}&page={page}"):
            found.extend(rows)
            page += 1
        return found

    def set(self, **settings: Any) -> None:
        """Change settings of the account."""
        self.sandbox.control("settings", settings)

    def fault(self, **fault: Any) -> None:
        """Put a fault in."""
        self.sandbox.control("faults", {"fault": fault})

    def mutate(self, **changes: Any) -> Any:
        """Change live data."""
        return self.sandbox.control("mutate", changes)


def caller(sandbox: Sandbox) -> Caller:
    """Return a client with the right token."""
    session = requests.Session()
    session.trust_env = False
    session.headers["Authorization"] = f"Bearer {sandbox.token}"
    return Caller(sandbox, session)
