"""Answers that are not data: problem documents and the HTML of gateways (facts §1.5)."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

HAL = "application/hal+json"
PROBLEM = "application/problem+json"
HTML = "text/html"


@dataclass(frozen=True, slots=True)
class Answer:
    """A response before it meets the network."""

    status: int
    body: bytes = b""
    content_type: str = HAL
    headers: dict[str, str] = field(default_factory=dict)


def problem(status: int, detail: str, **more: Any) -> Answer:
    """Return a problem document as the API writes it."""
    document = {
        "title": HTTPStatus(status).phrase,
        "type": f"https://httpstatus.es/{status}",
        "status": status,
        "detail": detail,
        **more,
    }
    return Answer(status, json.dumps(document).encode(), PROBLEM)


def invalid(path: str, detail: str) -> Answer:
    """Return the 400 of a request that failed validation."""
    error = {"code": "InvalidType", "path": path, "detail": detail}
    more = {"validation-errors": [{"request_id": "0", "errors": [error]}]}
    return problem(400, "Request validation failed", **more)


def internal_error() -> Answer:
    """Return the 500 of the API, which has no `type`."""
    document = {
        "title": "ErrInternalServer",
        "status": 500,
        "detail": "Internal server error",
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    }
    return Answer(500, json.dumps(document).encode(), PROBLEM)


def html(status: int) -> Answer:
    """Return the page that nginx shows in place of the API."""
    line = f"{status} {HTTPStatus(status).phrase}"
    body = (
        f"<html>\r\n<head><title>{line}</title></head>\r\n<body>\r\n"
        f"<center><h1>{line}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    )
    return Answer(status, body.encode(), HTML)


def failure(status: int) -> Answer:
    """Return the usual form of an error by its status alone."""
    if status == 500:
        return internal_error()
    if status >= 502:
        return html(status)
    details = {401: "Unauthorized", 402: "Payment required", 403: "Access denied"}
    return problem(status, details.get(status, HTTPStatus(status).description or "Error"))


NO_CONTENT = Answer(204)
