"""Reading what amoCRM says when it does not give what was asked for (facts §1.5)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import requests

# Kommo's sample answer asks for 300 s (§1.5); more than that is not waited for.
LONGEST_PAUSE_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back for one request, read to its end."""

    status_code: int
    headers: Mapping[str, str]
    content: bytes


# The token endpoint's short answers are taken as requests gives them.
Response = Reply | requests.Response


def problem(response: Response) -> dict[str, object] | None:
    """The problem document, or None where the body is HTML or anything else."""
    try:
        document = json.loads(response.content)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def says(response: Response) -> str:
    """The reason that the server gives, in one line."""
    document = problem(response)
    if document is None:
        return _line(response.content.decode("utf-8", errors="replace"))[:200]
    words = [document.get("title"), document.get("detail"), document.get("hint")]
    request_id = response.headers.get("X-Request-Id")
    tail = f" (request {request_id})" if request_id else ""
    return _line(": ".join(str(word) for word in words if word) + tail)


def _line(text: str) -> str:
    """What may go to a terminal and into a ledger: no control characters, no line of its own."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())


def retry_after(response: Response) -> float | None:
    """Seconds the server asks for: a header (third parties saw it) or a key of the body."""
    asked = response.headers.get("Retry-After") or (problem(response) or {}).get("retry_after")
    try:
        seconds = float(str(asked))
    except ValueError:
        return None
    return min(seconds, LONGEST_PAUSE_SECONDS) if seconds > 0 else None


def date_of(response: Response) -> datetime | None:
    """The server's clock, from its Date header, in whole seconds."""
    try:
        date = parsedate_to_datetime(response.headers.get("Date", ""))
    except ValueError:
        return None
    # "-0000" means UTC without saying where the server is.
    return date.replace(tzinfo=UTC) if date.tzinfo is None else date
