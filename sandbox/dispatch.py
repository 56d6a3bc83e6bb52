"""What a request gets: a refusal, a fault, tokens, or the answer of the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from sandbox import drive, faults
from sandbox.api import ROOT, Api
from sandbox.clock import Clock
from sandbox.faults import Fault
from sandbox.generate.account import Account
from sandbox.limits import Limiter
from sandbox.live import Live
from sandbox.oauth import EXCHANGE_PATH, SUBDOMAIN_PATH, Client, OAuth
from sandbox.problems import Answer, invalid, problem
from sandbox.query import BadQueryError, parse
from sandbox.settings import Settings


class Call(NamedTuple):
    """A request, apart from its connection."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    arrival: float

    @property
    def path(self) -> str:
        """The target without its query string."""
        return self.target.partition("?")[0]

    @property
    def query_string(self) -> str:
        """The target after its path."""
        return self.target.partition("?")[2]


class Dispatch:
    """One account with its time, its limits and its live changes."""

    def __init__(
        self, account: Account, settings: Settings, client: Client, struck_by: list[Fault], url: str
    ) -> None:
        self.clock = Clock(account.now)
        self.limiter = Limiter(settings)
        self.live = Live(account, self.clock)
        self._settings = settings
        self._faults = struck_by
        self._url = url
        self._api = Api(account, settings, url)
        self._drive = drive.Drive(account, settings, url)
        self._oauth = OAuth(client, account, url, self.clock, settings)

    def answer(self, call: Call) -> tuple[Answer, Fault | None]:
        """Return the answer, and the fault that spoils its delivery if there is one."""
        if refusal := self.limiter.refuse(call.arrival):
            return refusal, None
        self.live.tick()
        try:
            query = parse(call.query_string)
        except BadQueryError as error:
            return invalid(error.path, error.detail), None
        fault = next((each for each in self._faults if each.strikes(call.path, query)), None)
        if fault and (answer := faults.answer(fault, self._settings)):
            return answer, None
        return self._by_path(call), fault

    def _by_path(self, call: Call) -> Answer:
        if call.path == SUBDOMAIN_PATH:
            return self._oauth.subdomain(call.headers.get("X-Refresh-Token", ""))
        if (host := self._settings.renamed_to) and call.headers.get("Host") != host:
            if call.path == EXCHANGE_PATH:
                return problem(404, "Account not found")
            return Answer(301, headers={"Location": f"http://{host}{call.target}"})
        if call.path.startswith((ROOT, drive.ROOT)):
            return self._with_token(call)
        if call.path == EXCHANGE_PATH and call.method == "POST":
            return self._oauth.exchange(call.body)
        return problem(404, f"Cannot {call.method} {self._url}{call.path}")

    def _with_token(self, call: Call) -> Answer:
        if self._settings.redirect_to:
            return Answer(301, headers={"Location": self._settings.redirect_to + call.target})
        if refusal := self._oauth.refuse(call.headers.get("Authorization", "")):
            return refusal
        if call.method != "GET":
            return problem(405, "Method not allowed")
        if call.path.startswith(drive.ROOT):
            return self._drive.answer(call.path.removeprefix(drive.ROOT), call.query_string)
        return self._api.answer(call.path.removeprefix(ROOT), call.query_string)
