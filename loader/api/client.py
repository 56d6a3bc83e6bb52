"""One GET of the API: paced, bounded in time, asked again where that helps."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

import requests
from requests.auth import AuthBase
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt
from urllib3.exceptions import HTTPError

from loader import __version__
from loader.api.pace import Pace
from loader.api.verdict import Transient, exhausted, judge
from loader.errors import ConnectError, TemporaryError

logger = logging.getLogger("amo.api")


TIMEOUT_SECONDS = 15  # to connect, and between two pieces of an answer
DEADLINE_SECONDS = 60  # for a whole answer: one that drips is no answer
BACKOFF_SECONDS = (2, 4, 8)


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
            retry=retry_if_exception_type(Transient),
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
        except Transient as exc:
            raise exhausted(exc) from exc
        raise AssertionError  # Retrying returns or raises

    def _get_once(self, path: str, query: Mapping[str, str]) -> bytes | None:
        try:
            response = self._session().get(
                self._api + path,
                params=query,
                timeout=TIMEOUT_SECONDS,
                # The token goes to the account's own host only, never along a redirect.
                allow_redirects=False,
                stream=True,
            )
            body = self._read(response)
        except requests.exceptions.SSLError as exc:
            raise ConnectError(
                "the certificate of amoCRM's host is not accepted",
                detail=_cause(exc),
                hint="check AMO_BASE_URL; behind an inspecting proxy set REQUESTS_CA_BUNDLE",
            ) from exc
        except (requests.exceptions.RequestException, HTTPError) as exc:
            raise Transient(_cause(exc)) from exc
        try:
            return judge(response, body)
        except Transient as exc:
            if exc.limited:
                self._pace.slow_down()
            raise

    def _read(self, response: requests.Response) -> bytes:
        """The whole body, piece by piece: requests' own timeout knows no total."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        pieces = []
        with response:
            while piece := response.raw.read1(1 << 20, decode_content=True):
                pieces.append(piece)
                if time.monotonic() > deadline or self._stop.is_set():
                    break
            else:
                return b"".join(pieces)
        raise Transient(f"the answer did not end within {DEADLINE_SECONDS} s")

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
    asked = exc.pause if isinstance(exc, Transient) else None
    # tenacity asks for the pause before it asks whether to stop.
    usual = BACKOFF_SECONDS[min(state.attempt_number, len(BACKOFF_SECONDS)) - 1]
    seconds = max(asked or 0, usual)
    if state.attempt_number <= len(BACKOFF_SECONDS):
        logger.info("%s; asking again in %g s", exc, seconds)
    return seconds


def _cause(exc: BaseException) -> str:
    """The innermost reason, without the object addresses of the layers above it."""
    while (inner := exc.__cause__ or exc.__context__) is not None:
        exc = inner
    return f"{type(exc).__name__}: {exc}"
