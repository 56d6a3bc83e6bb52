"""What an answer of amoCRM means: a page, nothing, a refusal, or ask again later."""

from __future__ import annotations

import json
from typing import Any

import requests

from loader.errors import BlockedError, CredentialsError, TemporaryError, UsageError

# Kommo's sample answer asks for 300 s (§1.5); more than that is not waited for.
LONGEST_PAUSE_SECONDS = 300

Problem = dict[str, Any]


class Unavailable(Exception):  # noqa: N818 - an outcome of a stream, not a failure of the run
    """The account has no right to this list or has it switched off; says which."""


class TooHeavy(Exception):  # noqa: N818 - asks for a smaller page
    """504: the query takes the server too long."""


class Transient(Exception):  # noqa: N818 - asks to be asked again
    """Worth asking again after a pause (seconds; None: the usual one)."""

    def __init__(self, what: str, pause: float | None = None, *, limited: bool = False) -> None:
        super().__init__(what)
        self.pause = pause
        self.limited = limited


def judge(response: requests.Response, body: bytes) -> bytes | None:
    """The body of a good answer, None for 204; raises what any other means (facts §1.4-1.6)."""
    status = response.status_code
    if status == 200:
        return body
    if status == 204:
        return None
    problem = _problem(body)
    says = _says(response, problem, body)
    if status == 401:
        raise CredentialsError(
            "amoCRM refused the access token",
            detail=says,
            hint="the token expired, was revoked, or belongs to another account: make a new "
            "long-lived token in the settings of the integration; what was loaded is safe",
        )
    if status == 403 and problem is None:
        raise BlockedError(
            "amoCRM blocked this account or address (HTML 403)",
            detail=says,
            hint="do not try again now, it prolongs the block; write to amoCRM support; "
            "what was loaded is safe and the next run continues",
        )
    if status in (402, 403, 404, 422):
        raise Unavailable(f"HTTP {status}: {says}")
    if status == 429:
        raise Transient(f"HTTP 429: {says}", _retry_after(response, problem), limited=True)
    if status == 504:
        raise TooHeavy(f"HTTP 504: {says}")
    if status >= 500:
        raise Transient(f"HTTP {status}: {says}")
    if 300 <= status < 400:
        raise UsageError(
            "AMO_BASE_URL answers with a redirect, which is not followed",
            detail=f"HTTP {status} to {response.headers.get('Location', 'nowhere')}",
            hint="set AMO_BASE_URL to the account's own address; was it renamed?",
        )
    raise TemporaryError(f"amoCRM gave an answer that makes no sense: HTTP {status}: {says}")


def exhausted(exc: Transient) -> Exception:
    """What to say when asking again did not help."""
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


def _retry_after(response: requests.Response, problem: Problem | None) -> float | None:
    """Seconds the server asks for: a header (third parties saw it) or a key of the body."""
    asked = response.headers.get("Retry-After") or (problem or {}).get("retry_after")
    try:
        seconds = float(str(asked))
    except ValueError:
        return None
    return min(seconds, LONGEST_PAUSE_SECONDS) if seconds > 0 else None


def _problem(body: bytes) -> Problem | None:
    """The problem document, or None where the body is HTML or anything else."""
    try:
        problem = json.loads(body)
    except ValueError:
        return None
    return problem if isinstance(problem, dict) else None


def _says(response: requests.Response, problem: Problem | None, body: bytes) -> str:
    if problem is None:
        return " ".join(body.decode("utf-8", errors="replace").split())[:200]
    words = [problem.get("title"), problem.get("detail"), problem.get("hint")]
    request_id = response.headers.get("X-Request-Id")
    tail = f" (request {request_id})" if request_id else ""
    return ": ".join(str(word) for word in words if word) + tail
