"""One GET of the API: paced, bounded in time, retried, and its refusals told apart."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import requests
from requests.auth import AuthBase
from urllib3.exceptions import HTTPError

from loader import __version__
from loader.api import paced
from loader.api.answers import Reply, date_of, says
from loader.api.auth import Credentials
from loader.api.pace import Pace
from loader.api.retry import (
    BACKOFF_SECONDS,
    DEADLINE_SECONDS,
    TIMEOUT_SECONDS,
    TRIES,
    Transient,
    exhausted,
    no_answer,
    raise_for_trouble,
    retrying,
)
from loader.errors import AmoError, CredentialsError, TemporaryError, UsageError
from loader.metrics import Sent, Traffic

Query = Mapping[str, str | Sequence[str]]


@dataclass(frozen=True, slots=True)
class Answer:
    """A good answer: the bytes of the body, or None for 204 (nothing there).

    answered_at is amoCRM's own clock, in whole seconds, where it said the time.
    """

    body: bytes | None
    requests: int
    wait_seconds: float
    http_seconds: float
    answered_at: datetime | None = None

    def after(self, earlier: Answer | None) -> Answer:
        """This answer, with what the earlier one for the same page cost added to it."""
        if earlier is None:
            return self
        return Answer(
            self.body,
            self.requests + earlier.requests,
            self.wait_seconds + earlier.wait_seconds,
            self.http_seconds + earlier.http_seconds,
            self.answered_at,
        )


class Unavailable(Exception):  # noqa: N818 - an outcome of a stream, not a failure of the run
    """The account has no right to this list or has it switched off; says which."""

    def __init__(self, status: int, says: str) -> None:
        super().__init__(f"HTTP {status}: {says}")
        self.status = status


class TooHeavy(Exception):  # noqa: N818 - asks for a smaller page
    """504: the query takes the server too long."""


class _Stale(Exception):  # noqa: N818 - private
    """The error of a 401 or a redirect, final unless the credentials know something newer."""

    def __init__(self, error: AmoError, *, redirected: bool = False) -> None:
        super().__init__(error.what)
        self.error = error
        self.redirected = redirected


class _Bearer(AuthBase):
    """As an auth object, so that an entry in ~/.netrc cannot replace the header."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class Client:
    """Asks one account; thread-safe, one HTTP session per thread."""

    def __init__(
        self,
        credentials: Credentials,
        pace: Pace,
        stop: threading.Event,
        traffic: Traffic,
        *,
        tries: int = TRIES,
    ) -> None:
        self._tries = tries
        self._credentials = credentials
        self._pace = pace
        self._stop = stop
        self._traffic = traffic
        self._local = threading.local()

    def get(self, path: str, query: Query, *, stream: str = "other") -> Answer:
        """Ask until there is an answer that is final; `stream` is what the requests count for.

        Raises Unavailable, TooHeavy, CredentialsError, BlockedError, UsageError and, after
        the last retry, TemporaryError.
        """
        waited = 0.0
        started = time.monotonic()
        may_renew = True
        try:
            for attempt in retrying(self._stop, self._tries):
                with attempt:
                    # Before the turn: threads that waited for one refresh must not leave
                    # together after it.
                    bearer = self._credentials.bearer()
                    base_url = self._credentials.base_url
                    number = attempt.retry_state.attempt_number
                    try:
                        with self._traffic.sending(stream, number) as sent:
                            self._local.sent = sent
                            reply = self._get_once(self._url(base_url, path), query, bearer)
                            sent.status = str(reply.status_code)
                        waited += sent.waited
                        body = self._judge(reply, is_divisible="limit" in query)
                    except _Stale as exc:
                        if not may_renew or not self._renew(exc, bearer, base_url):
                            raise exc.error from None
                        may_renew = False
                        raise Transient(f"{exc}, there is a newer one", 0.0) from None
                    return Answer(
                        body,
                        requests=number,
                        wait_seconds=waited,
                        http_seconds=time.monotonic() - started - waited,
                        answered_at=date_of(reply),
                    )
        except Transient as exc:
            raise exhausted(exc) from exc
        raise AssertionError  # Retrying returns or raises

    def _url(self, base_url: str, path: str) -> str:
        return f"{base_url}/api/v4/{path}"

    def _renew(self, stale: _Stale, bearer: str, base_url: str) -> bool:
        """True when there is another token or address now."""
        if stale.redirected:
            return self._credentials.redirected(base_url)
        return self._credentials.refused(bearer)

    def _get_once(self, url: str, query: Query, bearer: str) -> Reply:
        try:
            response = self._session().get(
                url,
                params=query,
                timeout=TIMEOUT_SECONDS,
                auth=_Bearer(bearer),
                # The token goes to the account's own host only, never along a redirect.
                allow_redirects=False,
                stream=True,
            )
            return self._read(response)
        except (requests.exceptions.RequestException, HTTPError) as exc:
            raise no_answer(exc) from exc

    def _read(self, response: requests.Response) -> Reply:
        """The whole body, piece by piece: requests' own timeout knows no total."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        pieces = []
        with response:
            while piece := response.raw.read1(1 << 20, decode_content=True):
                pieces.append(piece)
                if time.monotonic() > deadline:
                    break
            else:
                return Reply(response.status_code, response.headers, b"".join(pieces))
        raise Transient(f"the answer did not end within {DEADLINE_SECONDS} s")

    def _judge(self, response: Reply, *, is_divisible: bool) -> bytes | None:
        """What an answer means (facts §1.4-1.6)."""
        status = response.status_code
        if status == 200:
            return response.content
        if status == 204:
            return None
        if status == 401:
            raise _Stale(
                CredentialsError(
                    "amoCRM refused the access token",
                    detail=says(response),
                    hint=self._credentials.hint,
                )
            )
        if status == 504 and is_divisible:
            self._stop.wait(BACKOFF_SECONDS[0])
            raise TooHeavy(f"HTTP 504: {says(response)}")
        raise_for_trouble(response, self._pace)
        if status in (402, 403, 404, 422):
            raise Unavailable(status, says(response))
        if 300 <= status < 400:
            raise _Stale(
                UsageError(
                    "AMO_BASE_URL answers with a redirect, which is not followed",
                    detail=f"HTTP {status} to {response.headers.get('Location', 'nowhere')}",
                    hint="set AMO_BASE_URL to the account's own address; was it renamed?",
                ),
                redirected=True,
            )
        raise TemporaryError(
            f"amoCRM gave an answer that makes no sense: HTTP {status}: {says(response)}"
        )

    def _take_turn(self) -> None:
        """In the thread of a request, when its connection stands."""
        sent: Sent = self._local.sent
        sent.waited = self._pace.wait()
        if self._stop.is_set():
            sent.was_called_off = True
            raise TemporaryError("stopped before the next request")
        sent.at = time.monotonic()

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = paced.session(self._take_turn)
            session.headers["User-Agent"] = f"amo-loader/{__version__}"
            session.headers["Accept"] = "application/hal+json, application/json"
        return session
