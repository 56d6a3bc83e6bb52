"""Reading what amoCRM says when it does not give what was asked for (facts §1.5)."""

from __future__ import annotations

import json

import requests

# Kommo's sample answer asks for 300 s (§1.5); more than that is not waited for.
LONGEST_PAUSE_SECONDS = 300


def problem(response: requests.Response) -> dict[str, object] | None:
    """The problem document, or None where the body is HTML or anything else."""
    try:
        document = json.loads(response.content)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def says(response: requests.Response) -> str:
    """The reason that the server gives, in one line."""
    document = problem(response)
    if document is None:
        text = " ".join(response.text.split())
        return text[:200]
    words = [document.get("title"), document.get("detail"), document.get("hint")]
    request_id = response.headers.get("X-Request-Id")
    tail = f" (request {request_id})" if request_id else ""
    return ": ".join(str(word) for word in words if word) + tail


def retry_after(response: requests.Response) -> float | None:
    """Seconds the server asks for: a header (third parties saw it) or a key of the body."""
    asked = response.headers.get("Retry-After") or (problem(response) or {}).get("retry_after")
    try:
        return min(float(str(asked)), LONGEST_PAUSE_SECONDS) or None
    except ValueError:
        return None
