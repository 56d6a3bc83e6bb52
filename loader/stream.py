"""What one stream is: the columns of the table in loader/streams.py."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

Host = Literal["account", "drive"]


@dataclass(frozen=True, slots=True)
class Vanishing:
    """The traces that a deleted entity leaves (facts §5.17, §7.1)."""

    events: tuple[str, ...]  # of its deletion, and of what brings it back
    id_path: str = "$.entity_id"  # of the entity in such an event
    has_trash: bool = False  # with=only_deleted


@dataclass(frozen=True, slots=True)
class Stream:
    """One list of the API.

    path has a placeholder when the list exists once per entity of another stream, for
    example catalogs/{id}/elements: then parent names that stream.
    """

    name: str
    path: str
    key: str | None  # below _embedded; None: the whole body is the only item
    entity: str  # what one item is
    entity_type: str | None = None  # what it belongs to
    parent: str | None = None
    # There is no list: the parent's entities name the ids, jsonpaths find them there.
    named_by: tuple[str, ...] = ()
    host: Host = "account"  # drive: the file service, a host of its own
    id_key: str = "id"
    has_numeric_id: bool = True
    is_keyed_by_parent: bool = False  # the same id in two lists means two entities
    page_limit: int | None = 250  # None: the list has no paging
    parameters: tuple[tuple[str, str], ...] = field(default=())
    is_default: bool = True  # False: only when asked for with --stream
    # What vanished is looked for by filter[id], "paid" needs the filter package (§3.2); or
    # in single requests only.
    by_id: Literal["", "paid", "free", "single"] = ""
    # What changed is asked for by filter[updated_at], else newest first down to the watermark;
    # "created": entities never change, and are asked for by their time of creation.
    changes: Literal["", "paid", "free", "created"] = ""
    orders_by_change: bool = False  # order[updated_at] is known (§3.4)
    vanishing: Vanishing | None = None
