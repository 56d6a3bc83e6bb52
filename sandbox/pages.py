"""A page of a list as bytes: the rows' own text, joined, with links around it (facts §1.3)."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox import wire
from sandbox.query import Query
from sandbox.settings import Settings
from sandbox.store import Row
from sandbox.streams import Stream

UNKNOWN_KEYS = (
    b',"sandbox_flag":true,"sandbox_note":null,"sandbox_more":{"list":[1,2.5,"\\u044f"],"empty":[]}'
)


@dataclass(frozen=True, slots=True)
class Shown:
    """What decides the look of all pages."""

    base_url: str
    account_id: int
    settings: Settings

    @property
    def unknown_keys(self) -> bytes:
        """Keys that nobody has heard of, when they are switched on."""
        return UNKNOWN_KEYS if self.settings.extra_keys else b""


def page(
    stream: Stream, view: list[Row], query: Query, *, limit: int, next_links: str, shown: Shown
) -> bytes | None:
    """Return one page of a view, or None when it has no rows."""
    first = (query.page - 1) * limit if stream.paged else 0
    rows = view[first : first + limit] if stream.paged else view
    if not rows:
        return None
    head = ""
    if stream.totals:
        head = f'"_total_items":{len(view)},'
    last = -(-len(view) // limit)
    if stream.paged:
        has_next = next_links == "always" or (next_links == "correct" and query.page < last)
        targets = _targets(stream, query.page, last, has_next)
        head += f'"_page":{query.page},"_links":{_links(stream, query, limit, targets)}'
        echo = query.echo(query.page, limit)
    else:
        head += f'"_links":{wire.self_link(stream.name)}'
        echo = query.text
    if stream.totals and stream.paged:
        head += f',"_page_count":{last}'
    items = join(stream, rows, query.wanted, shown.unknown_keys)
    parts = (b"{", head.encode(), shown.unknown_keys, b',"_embedded":{"', stream.key.encode(),
             b'":[', items, b"]}}")  # fmt: skip
    return finish(b"".join(parts), echo, shown)


def single(stream: Stream, row: Row, query: Query, shown: Shown) -> bytes:
    """Return one entity by itself."""
    return finish(join(stream, [row], query.wanted, shown.unknown_keys), query.text, shown)


def join(stream: Stream, rows: list[Row], wanted: frozenset[str], unknown: bytes) -> bytes:
    """Join rows with commas, each with the blocks that were asked for."""
    blocks = [i for i, name in enumerate(stream.blocks) if name in wanted or name in stream.always]
    embedded = len(stream.linked) + len(stream.own)
    inner = [i for i in blocks if i < embedded]
    outer = [i for i in blocks if i >= embedded]
    end = b"".join((stream.closing, unknown, b"}"))
    if outer:
        texts = [
            b"".join((row.core, *[row.blocks[i] for i in inner], stream.closing,
                      *[row.blocks[i] for i in outer], unknown, b"}"))
            for row in rows
        ]  # fmt: skip
        return b",".join(texts)
    if inner:
        texts = [row.core + b"".join([row.blocks[i] for i in inner]) for row in rows]
    else:
        texts = [row.core for row in rows]
    return (end + b",").join(texts) + end


def finish(body: bytes, echo: str, shown: Shown) -> bytes:
    """Fill in what only the request knows: the host and the echoed query string."""
    base = shown.settings.link_host or shown.base_url
    body = body.replace(wire.BASE_MARK, f"{base}/api/v4/".encode())
    body = body.replace(wire.ECHO_MARK, f"?{echo}".encode() if echo else b"")
    if shown.settings.shown_account_id:
        own = f'"account_id":{shown.account_id}'
        other = f'"account_id":{shown.settings.shown_account_id}'
        body = body.replace(own.encode(), other.encode())
    return body


def _targets(stream: Stream, page: int, last: int, has_next: bool) -> dict[str, int]:
    targets = {"self": page}
    if has_next:
        targets["next"] = page + 1
    if page > 1:
        targets |= {"first": 1, "prev": page - 1}
    if stream.key == "custom_fields":
        # `last` was seen on these lists only (facts §1.3).
        targets["last"] = last
    return targets


def _links(stream: Stream, query: Query, limit: int, targets: dict[str, int]) -> str:
    links = ",".join(
        f'"{name}":{{"href":"{wire.BASE}{stream.name}?{query.echo(page, limit)}"}}'
        for name, page in targets.items()
    )
    return f"{{{links}}}"
