"""What the file service knows of the files of the account (facts, appendix A)."""

from __future__ import annotations

from random import Random

from sandbox import wire
from sandbox.generate.account import Account, later, moments
from sandbox.generate.shapes import uuid
from sandbox.generate.words import latin, pick
from sandbox.store import Row
from sandbox.streams import FILES
from sandbox.wire import Json

# type, extension, MIME type; None: nothing is known of it.
_KINDS: tuple[tuple[str, str | None, str | None], ...] = (
    ("image", "png", "image/png"),
    ("document", "pdf", "application/pdf"),
    ("audio", "mp3", "audio/mpeg"),
    ("video", "mp4", "video/mp4"),
    ("file", None, None),
)


def add_files(account: Account) -> None:
    """Put them into the account."""
    rng = account.rng("files")
    count = 40 + account.size.companies // 2
    account.collection(FILES).add(
        file(account, rng, number, at) for number, at in enumerate(moments(rng, account.now, count))
    )


def file(account: Account, rng: Random, number: int, created_at: int) -> Row:
    """Return one file; what has no metadata, no previews or no source says null."""
    id_, version = uuid(rng), uuid(rng)
    kind, extension, mime_type = _KINDS[number % len(_KINDS)]
    name = f"{pick(rng, account.words.deals)} {number}"
    updated_at = later(rng, created_at, account.now)
    shown = {"extension": extension, "mime_type": mime_type} if extension else None
    document: Json = {
        "uuid": id_,
        "type": kind,
        "is_trashed": False,
        "name": name,
        "sanitized_name": latin(name),
        "size": 1 + int(rng.random() ** 3 * 5_000_000_000),
        "source_id": None if number % 4 else 21,
        "version_uuid": version,
        "has_multiple_versions": number % 7 == 0,
        "created_at": created_at,
        "created_by": _author(account, rng, number),
        "updated_at": updated_at,
        "updated_by": _author(account, rng, number + 1),
        "deleted_at": None,
        "deleted_by": None,
        "metadata": shown,
        "previews": None,
    }
    link = f'{{"self":{{"href":"{wire.BASE}files/{id_}"}}}}'
    core = f'{account.encode(document)[:-1]},"_links":{link}'
    return Row(id_, created_at, updated_at, (), core.encode())


def _author(account: Account, rng: Random, number: int) -> Json:
    """A user, a robot, or a client without an id in the account."""
    if number % 5 == 0:
        return {"type": "external", "id": -1}
    return {"type": "internal", "id": 0 if number % 9 == 0 else account.person(rng).id}
