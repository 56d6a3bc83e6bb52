"""Pages that PostgreSQL's jsonb refuses although they are JSON.

jsonb takes no \\u0000, no lone surrogate, no number beyond the range of numeric and no invalid
UTF-8. Such a page is made acceptable byte by byte, everything else in it untouched, and each
bad value is noted with the entity it belongs to. Called only after COPY has refused a page.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

# One JSON token that matters here: a string, or a number.
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?', re.DOTALL)
_ESCAPE = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u([0-9a-fA-F]{4})|\\[^u]"
)
_REPLACEMENT = rb"\ufffd"
# numeric ends at 131,072 digits before the point and 16,383 after it.
_DIGITS_BEFORE, _DIGITS_AFTER = 100_000, 16_000


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
    rejects = []
    try:
        body.decode()
    except UnicodeDecodeError as exc:
        bad = body[exc.start : exc.end].hex()
        rejects.append(Reject(None, "page", "invalid UTF-8, replaced by U+FFFD", bad))
        body = body.decode(errors="replace").encode()
    page = json.loads(body, parse_float=_RawNumber, parse_int=_RawNumber)
    items = page.get("_embedded", {}).get(key, []) if key else [page]
    for item in items:
        rejects += _inspect_item(item, id_key)
    return _TOKEN.sub(_fix_token, body), rejects


@dataclass(frozen=True, slots=True)
class _RawNumber:
    """A number as it was written."""

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
            shown = None if entity_id is None else _printable(getattr(entity_id, "text", entity_id))
            yield Reject(shown, _printable(path), reason, _raw(value))


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
    mantissa, _, power = number.lower().partition("e")
    if len(power) > len(str(_DIGITS_BEFORE)) + 1:
        return True
    whole, _, fraction = mantissa.lstrip("-").partition(".")
    shift = int(power or 0)
    return len(whole) + shift > _DIGITS_BEFORE or len(fraction) - shift > _DIGITS_AFTER


def _printable(text: object) -> str:
    """Text that PostgreSQL can store."""
    return "".join("\ufffd" if _is_refused(ord(char)) else char for char in str(text))


def _raw(value: object) -> str:
    return value.text if isinstance(value, _RawNumber) else json.dumps(value)
