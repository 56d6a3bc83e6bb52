"""One GET of the API: paced, retried where that helps, and its refusals told apart."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

import requests
from requests.auth import AuthBase
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt

from loader import __version__
from loader.api.pace import Pace
from loader.errors import BlockedError, ConnectError, CredentialsError, TemporaryError, UsageError

logger = logging.getLogger("amo.api")

TIMEOUT_SECONDS = 15
BACKOFF_SECONDS = (2, 4, 8)
# Kommo's sample answer asks for 300 s (§1.5); more than that is not waited for.
LONGEST_PAUSE_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Answer:
    """A good answer: the bytes of the body, or None for 204 (nothing there)."""

    body: bytes | None
    requests: int
    wait_seconds: float
    http_seconds: float

    def after(self, earlier: Answer | None) -> Answer:
        """This answer, with what the earlier one for the same page cost added to it."""
        if earlier is None:
            return self
        return Answer(
            self.body,
            self.requests + earlier.requests,
            self.wait_seconds + earlier.wait_seconds,
            self.http_seconds + earlier.http_seconds,
        )


class Unavailable(Exception):  # noqa: N818 - an outcome of a stream, not a failure of the run
    """The account has no right to this list or has it switched off; says which."""


class TooHeavy(Exception):  # noqa: N818 - asks for a smaller page
    """504: the query takes the server too long."""


class _Transient(Exception):  # noqa: N818 - private
    """Worth asking again after a pause (seconds; None: the usual one)."""

    def __init__(self, what: str, pause: float | None = None, *, limited: bool = False) -> None:
        super().__init__(what)
        self.pause = pause
        self.limited = limited


class _Bearer(AuthBase):
    """As an auth object, so that an entry in ~/.netrc cannot replace the header."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class Client:
    """Asks one account; thread-safe, one HTTP session per thread."""

    def __init__(self, base_url: str, token: str, pace: Pace, stop: threading.Event) -> None:
        self._api = f"{base_url}/api/v4/"
        self._auth = _Bearer(token)
        self._pace = pace
        self._stop = stop
        self._local = threading.local()

    def get(self, path: str, query: Mapping[str, str]) -> Answer:
        """Ask until there is an answer that is final.

        Raises Unavailable, TooHeavy, CredentialsError, BlockedError, UsageError and, after
        the last retry, TemporaryError.
        """
        wait = 0.0
        started = time.monotonic()
        retrying = Retrying(
            stop=stop_after_attempt(len(BACKOFF_SECONDS) + 1),
            wait=_pause,
            retry=retry_if_exception_type(_Transient),
            sleep=self._sleep,
            reraise=True,
        )
        try:
            for attempt in retrying:
                with attempt:
                    wait += self._pace.wait()
                    body = self._get_once(path, query)
                    return Answer(
                        body,
                        requests=attempt.retry_state.attempt_number,
                        wait_seconds=wait,
                        http_seconds=time.monotonic() - started - wait,
                    )
        except _Transient as exc:
            raise self._exhausted(exc) from exc
        raise AssertionError  # Retrying returns or raises

    def _get_once(self, path: str, query: Mapping[str, str]) -> bytes | None:
        try:
            response = self._session().get(
                self._api + path,
                params=query,
                timeout=TIMEOUT_SECONDS,
                # The token goes to the account's own host only, never along a redirect.
                allow_redirects=False,
            )
        except requests.exceptions.SSLError as exc:
            raise ConnectError(
                "the certificate of amoCRM's host is not accepted",
                detail=_cause(exc),
                hint="check AMO_BASE_URL; behind an inspecting proxy set REQUESTS_CA_BUNDLE",
            ) from exc
        except requests.exceptions.RequestException as exc:
            raise _Transient(_cause(exc)) from exc
        return self._judge(response)

    def _judge(self, response: requests.Response) -> bytes | None:
        """What an answer means (facts §1.4-1.6)."""
        status = response.status_code
        if status == 200:
            return response.content
        if status == 204:
            return None
        says = _says(response)
        if status == 401:
            raise CredentialsError(
                "amoCRM refused the access token",
                detail=says,
                hint="the token expired, was revoked, or belongs to another account: make a new "
                "long-lived token in the settings of the integration; what was loaded is safe",
            )
        if status == 403 and _problem(response) is None:
            raise BlockedError(
                "amoCRM blocked this account or address (HTML 403)",
                detail=says,
                hint="do not try again now, it prolongs the block; write to amoCRM support; "
                "what was loaded is safe and the next run continues",
            )
        if status in (402, 403, 404, 422):
            raise Unavailable(f"HTTP {status}: {says}")
        if status == 429:
            self._pace.slow_down()
            raise _Transient(f"HTTP 429: {says}", _retry_after(response), limited=True)
        if status == 504:
            raise TooHeavy(f"HTTP 504: {says}")
        if status >= 500:
            raise _Transient(f"HTTP {status}: {says}")
        if 300 <= status < 400:
            raise UsageError(
                "AMO_BASE_URL answers with a redirect, which is not followed",
                detail=f"HTTP {status} to {response.headers.get('Location', 'nowhere')}",
                hint="set AMO_BASE_URL to the account's own address; was it renamed?",
            )
        raise TemporaryError(f"amoCRM gave an answer that makes no sense: HTTP {status}: {says}")

    def _exhausted(self, exc: _Transient) -> Exception:
        if exc.limited:
            return BlockedError(
                "amoCRM kept refusing because of the rate limit",
                detail=str(exc),
                hint="another program uses the account at the same time: lower AMO_RATE or "
                "stop it; what was loaded is safe and the next run continues",
            )
        return TemporaryError(
            "amoCRM does not answer",
            detail=str(exc),
            hint="what was loaded is safe; run the same command again and it continues",
        )

    def _sleep(self, seconds: float) -> None:
        """A pause that ends at once when the run is to stop."""
        if self._stop.wait(seconds):
            raise TemporaryError("stopped while waiting to ask again")

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = requests.Session()
            session.auth = self._auth
            session.headers["User-Agent"] = f"amo-loader/{__version__}"
            session.headers["Accept"] = "application/hal+json, application/json"
        return session


def _pause(state: RetryCallState) -> float:
    exc = state.outcome.exception() if state.outcome else None
    asked = exc.pause if isinstance(exc, _Transient) else None
    # tenacity asks for the pause before it asks whether to stop.
    seconds = asked or BACKOFF_SECONDS[min(state.attempt_number, len(BACKOFF_SECONDS)) - 1]
    if state.attempt_number <= len(BACKOFF_SECONDS):
        logger.info("%s; asking again in %g s", exc, seconds)
    return seconds


def _retry_after(response: requests.Response) -> float | None:
    """Seconds the server asks for: a header (third parties saw it) or a key of the body."""
    asked = response.headers.get("Retry-After") or (_problem(response) or {}).get("retry_after")
    try:
        return min(float(str(asked)), LONGEST_PAUSE_SECONDS)
    except ValueError:
        return None


def _problem(response: requests.Response) -> dict[str, object] | None:
    """The problem document, or None where the body is HTML or anything else."""
    try:
        problem = json.loads(response.content)
    except ValueError:
        return None
    return problem if isinstance(problem, dict) else None


def _says(response: requests.Response) -> str:
    problem = _problem(response)
    if problem is None:
        text = " ".join(response.text.split())
        return text[:200]
    words = [problem.get("title"), problem.get("detail"), problem.get("hint")]
    request_id = response.headers.get("X-Request-Id")
    tail = f" (request {request_id})" if request_id else ""
    return ": ".join(str(word) for word in words if word) + tail


def _cause(exc: BaseException) -> str:
    """The innermost reason, without the object addresses of the layers above it."""
    while (inner := exc.__cause__ or exc.__context__) is not None:
        exc = inner
    return f"{type(exc).__name__}: {exc}"
