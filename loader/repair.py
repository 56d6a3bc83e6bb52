"""Pages that PostgreSQL's jsonb refuses although they are JSON.

jsonb takes no \\u0000, no lone surrogate and no number beyond 131,072 digits. Such a page is
made acceptable byte by byte, everything else in it untouched, and each bad value is noted
with the entity it belongs to. Called only after COPY has refused a page.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

# One JSON token that matters here: a string, or a number with an exponent.
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?[eE][+-]?\d+', re.DOTALL)
_ESCAPE = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u([0-9a-fA-F]{4})|\\[^u]"
)
_REPLACEMENT = rb"\ufffd"
_LONGEST_EXPONENT = 5  # digits; numeric ends at 131,072 digits before the point


@dataclass(frozen=True, slots=True)
class Reject:
    """A value that was replaced; path below the entity, raw as JSON."""

    entity_id: str | None
    path: str
    reason: str
    raw: str


def repair(body: bytes, key: str | None, id_key: str) -> tuple[bytes, list[Reject]]:
    """The page as jsonb takes it, and what was replaced.

    Raises ValueError when the body is not JSON at all.
    """
    body = body.decode("utf-8", errors="replace").encode()
    page = json.loads(body, parse_float=_RawNumber)
    items = page.get("_embedded", {}).get(key, []) if key else [page]
    rejects = [reject for item in items for reject in _inspect_item(item, id_key)]
    return _TOKEN.sub(_fix_token, body), rejects


class _RawNumber(float):
    """A float that remembers how it was written."""

    def __new__(cls, text: str) -> _RawNumber:
        number = super().__new__(cls, text)
        number.text = text
        return number

    text: str


def _fix_token(match: re.Match[bytes]) -> bytes:
    token = match[0]
    if token.startswith(b'"'):
        return _ESCAPE.sub(_fix_escape, token) if b"\\u" in token else token
    return b'"' + token + b'"' if _too_large(token.decode()) else token


def _fix_escape(match: re.Match[bytes]) -> bytes:
    code = match[1]
    if code is None:  # a pair of surrogates, or an escape like \n or \\
        return match[0]
    return _REPLACEMENT if _is_refused(int(code, 16)) else match[0]


def _inspect_item(item: object, id_key: str) -> Iterator[Reject]:
    entity_id = item.get(id_key) if isinstance(item, dict) else None
    for path, value in _leaves(item, ""):
        reason = _reason(value)
        if reason:
            yield Reject(None if entity_id is None else str(entity_id), path, reason, _raw(value))


def _leaves(value: object, path: str) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield f"{path}.{name}".lstrip("."), name
            yield from _leaves(inner, f"{path}.{name}".lstrip("."))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _leaves(inner, f"{path}[{index}]")
    else:
        yield path, value


def _reason(value: object) -> str:
    if isinstance(value, _RawNumber):
        return "number out of range, kept as text" if _too_large(value.text) else ""
    if isinstance(value, str) and any(_is_refused(ord(character)) for character in value):
        return "NUL or lone surrogate, replaced by U+FFFD"
    return ""


def _is_refused(code: int) -> bool:
    return code == 0 or 0xD800 <= code <= 0xDFFF


def _too_large(number: str) -> bool:
    exponent = re.split("[eE]", number)[-1].lstrip("+-0") if re.search("[eE]", number) else ""
    return len(exponent) > _LONGEST_EXPONENT or (exponent.isdigit() and int(exponent) > 100_000)


def _raw(value: object) -> str:
    return value.text if isinstance(value, _RawNumber) else json.dumps(value)
