"""JSON text of entities, with the two things that only a request knows left as marks.

A self link names the host and echoes the query string of the request (facts §1.3). Both are
unknown when an entity is serialised, so control characters, which JSON text never contains,
stand in for them. A page is finished by one `bytes.replace` for each mark.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

BASE = "\x01"
ECHO = "\x02"
BASE_MARK = BASE.encode()
ECHO_MARK = ECHO.encode()

Json = dict[str, Any]
Encode = Callable[[Any], str]

# `1e400` is valid JSON that no float holds; inside Python this integer stands for it.
HUGE = 10**400
_HUGE_TEXT = str(HUGE)


def encoder(plain_unicode: bool) -> Encode:
    """Return a compact JSON encoder; escapes as PHP's json_encode does unless told otherwise."""
    escaped = json.JSONEncoder(ensure_ascii=True, separators=(",", ":")).encode
    if not plain_unicode:
        return escaped
    plain = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

    def encode(value: Any) -> str:
        text = plain(value)
        # A lone surrogate has no UTF-8 form: such a document can only be written escaped.
        return text if text.isascii() or _is_utf8(text) else escaped(value)

    return encode


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def self_link(path: str) -> str:
    """Return the `_links` object of the resource at a path below /api/v4."""
    return f'{{"self":{{"href":"{BASE}{path}{ECHO}"}}}}'


def decode(text: bytes) -> Json:
    """Parse a document of this package, keeping its marks and its numbers beyond float."""
    document: Json = json.loads(text, strict=False, parse_float=_float)
    return document


def encode_huge(text: str) -> str:
    """Write the stand-in for an over-large number as the number."""
    return text.replace(_HUGE_TEXT, "1e400")


def _float(text: str) -> float | int:
    number = float(text)
    return HUGE if math.isinf(number) else number
