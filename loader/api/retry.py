"""What is worth asking again, after which pause, and what is said when that did not help."""

from __future__ import annotations

import logging
import threading

import requests
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt

from loader.api.answers import Response, problem, retry_after, says
from loader.api.pace import Pace
from loader.errors import AmoError, BlockedError, ConnectError, TemporaryError

logger = logging.getLogger("amo.api")

TIMEOUT_SECONDS = 15  # to connect, and between two pieces of an answer
DEADLINE_SECONDS = 60  # for a whole answer: one that drips is no answer
BACKOFF_SECONDS = (2, 4, 8)
TRIES = len(BACKOFF_SECONDS) + 1


class Transient(Exception):  # noqa: N818 - an outcome of one try
    """Worth asking again after a pause (seconds; None: the usual one)."""

    def __init__(self, what: str, pause: float | None = None, *, limited: bool = False) -> None:
        super().__init__(what)
        self.pause = pause
        self.limited = limited


def retrying(stop: threading.Event, tries: int = TRIES) -> Retrying:
    """The policy: a pause between tries, which ends at once when the run is to stop."""

    def sleep(seconds: float) -> None:
        if stop.wait(seconds):
            raise TemporaryError("stopped while waiting to ask again")

    return Retrying(
        stop=stop_after_attempt(tries),
        wait=_pause,
        retry=retry_if_exception_type(Transient),
        sleep=sleep,
        reraise=True,
    )


def no_answer(exc: Exception) -> Exception:
    """What to raise when a request failed on the way."""
    if isinstance(exc, requests.exceptions.SSLError):
        return ConnectError(
            "the certificate of amoCRM's host is not accepted",
            detail=_cause(exc),
            hint="check AMO_BASE_URL; behind an inspecting proxy set REQUESTS_CA_BUNDLE",
        )
    return Transient(_cause(exc))


def raise_for_trouble(response: Response, pace: Pace) -> None:
    """Raise for what concerns the server and not this one request: blocked, limited, broken."""
    status = response.status_code
    if status == 403 and problem(response) is None:
        raise BlockedError(
            "amoCRM blocked this account or address (HTML 403)",
            detail=says(response),
            hint="do not try again now, it prolongs the block; write to amoCRM support; "
            "what was loaded is safe and the next run continues",
        )
    if status == 429:
        pace.slow_down()
        raise Transient(f"HTTP 429: {says(response)}", retry_after(response), limited=True)
    if status >= 500:
        raise Transient(f"HTTP {status}: {says(response)}")


def exhausted(exc: Transient) -> AmoError:
    """What to raise after the last try."""
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


def _pause(state: RetryCallState) -> float:
    exc = state.outcome.exception() if state.outcome else None
    asked = exc.pause if isinstance(exc, Transient) else None
    # tenacity asks for the pause before it asks whether to stop.
    usual = BACKOFF_SECONDS[min(state.attempt_number, len(BACKOFF_SECONDS)) - 1]
    # 0 means at once: there is something new to ask with.
    seconds = usual if asked is None else max(asked, usual) if asked else 0.0
    if state.attempt_number <= len(BACKOFF_SECONDS):
        logger.info("%s; asking again in %g s", exc, seconds)
    return seconds


def _cause(exc: BaseException) -> str:
    """The innermost reason, without the object addresses of the layers above it."""
    while (inner := exc.__cause__ or exc.__context__) is not None:
        exc = inner
    return f"{type(exc).__name__}: {exc}"
