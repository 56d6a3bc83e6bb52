"""The streams, declared as data: adding one is a row here and its SQL files, no code.

Facts about paths, keys, page sizes and orders: facts/amo-api-v4.md, the section in each row.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from loader.errors import UsageError

FOUR = ("leads", "contacts", "companies", "customers")


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
    id_key: str = "id"
    has_numeric_id: bool = True
    page_limit: int | None = 250  # None: the list has no paging
    parameters: tuple[tuple[str, str], ...] = field(default=())
    is_default: bool = True  # False: only when asked for with --stream
    # What vanished is looked for by filter[id]: "paid" needs the filter package (§3.2).
    by_id: Literal["", "paid", "free"] = ""


BY_ID = (("order[id]", "asc"),)  # stable under updates; only where it is allowed (§3.4)


def _main(name: str, with_: str) -> Stream:
    """One of the four main lists; `with` makes the links come along."""
    # customers: an order is known from the official library only (§3.4).
    return Stream(name, name, name, name, name, parameters=(("with", with_), *BY_ID), by_id="paid")


STREAMS: tuple[Stream, ...] = (
    Stream(
        "account",
        "account",
        None,
        "accounts",
        page_limit=None,
        parameters=(
            (
                "with",
                "amojo_id,users_groups,task_types,version,datetime_settings,drive_url,"
                "is_api_filter_enabled",
            ),
        ),
    ),  # §5.1
    Stream(
        "users",
        "users",
        "users",
        "users",
        parameters=(("with", "role,group,uuid,amojo_id,user_rank,phone_number"),),
    ),  # §5.2
    Stream("roles", "roles", "roles", "roles", parameters=(("with", "users"),)),  # §5.3
    Stream("pipelines", "leads/pipelines", "pipelines", "pipelines", page_limit=None),  # §5.4
    Stream("loss_reasons", "leads/loss_reasons", "loss_reasons", "loss_reasons"),  # §5.5
    *(
        Stream(
            f"{entity}_custom_field_groups",
            f"{entity}/custom_fields/groups",
            "custom_field_groups",
            "custom_field_groups",
            entity,
            has_numeric_id=False,
            page_limit=None,
        )
        for entity in FOUR
    ),  # §5.7
    *(
        Stream(
            f"{entity}_custom_fields",
            f"{entity}/custom_fields",
            "custom_fields",
            "custom_fields",
            entity,
            parameters=BY_ID,
        )
        for entity in FOUR
    ),  # §5.6
    *(
        Stream(f"{entity}_tags", f"{entity}/tags", "tags", "tags", entity) for entity in FOUR
    ),  # §5.18
    _main(
        "leads",
        "contacts,catalog_elements,loss_reason,is_price_modified_by_robot,source_id,source",
    ),  # §5.8
    _main("contacts", "customers,catalog_elements"),  # §5.9
    _main("companies", "customers,catalog_elements"),  # §5.10
    _main("customers", "contacts,companies,catalog_elements"),  # §5.11
    Stream("tasks", "tasks", "tasks", "tasks", parameters=BY_ID, by_id="free"),  # §5.15
    *(
        Stream(f"{entity}_notes", f"{entity}/notes", "notes", "notes", entity, parameters=BY_ID)
        for entity in FOUR
    ),  # §5.16
    Stream(
        "customer_statuses", "customers/statuses", "statuses", "customer_statuses", page_limit=None
    ),  # §5.12
    Stream("segments", "customers/segments", "segments", "segments"),  # §5.12
    Stream(
        "segments_custom_fields",
        "customers/segments/custom_fields",
        "custom_fields",
        "custom_fields",
        "segments",
        parameters=BY_ID,
    ),  # §5.6
    Stream("transactions", "customers/transactions", "transactions", "transactions"),  # §5.13
    Stream("catalogs", "catalogs", "catalogs", "catalogs"),  # §5.14
    Stream(
        "catalogs_custom_fields",
        "catalogs/{id}/custom_fields",
        "custom_fields",
        "custom_fields",
        "catalogs",
        parent="catalogs",
        parameters=BY_ID,
    ),  # §5.6
    Stream(
        "catalog_elements",
        "catalogs/{id}/elements",
        "elements",
        "catalog_elements",
        parent="catalogs",
    ),  # §5.14
    Stream(
        "unsorted",
        "leads/unsorted",
        "unsorted",
        "unsorted",
        id_key="uid",
        has_numeric_id=False,
        parameters=(("order[created_at]", "asc"),),
    ),  # §5.19
    Stream("sources", "sources", "sources", "sources"),  # §5.20
    Stream("webhooks", "webhooks", "webhooks", "webhooks"),  # §5.20
    Stream("widgets", "widgets", "widgets", "widgets"),  # §5.20
    # The whole history, 100 a page, every time: too long for a night until it is read in windows.
    Stream(
        "events",
        "events",
        "events",
        "events",
        has_numeric_id=False,
        page_limit=100,
        is_default=False,
    ),  # §5.17
)

BY_NAME = {stream.name: stream for stream in STREAMS}
ACCOUNT = BY_NAME["account"]


def select(names: Iterable[str]) -> list[Stream]:
    """The streams of that names with the ones they need, in the order of the table.

    Without names all that are read by default. Raises UsageError for a name that does not exist.
    """
    wanted = set(names) or {stream.name for stream in STREAMS if stream.is_default}
    unknown = sorted(wanted - set(BY_NAME))
    if unknown:
        raise UsageError(
            "there is no such stream",
            detail=", ".join(unknown),
            hint="streams: " + ", ".join(BY_NAME),
        )
    for name in list(wanted):
        if parent := BY_NAME[name].parent:
            wanted.add(parent)
    return [stream for stream in STREAMS if stream.name in wanted or stream is ACCOUNT]
