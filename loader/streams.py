"""The streams, declared as data: adding one is a row here and its SQL files, no code.

Facts about paths, keys, page sizes and orders: facts/amo-api-v4.md, the section in each row.
"""

from __future__ import annotations

from collections.abc import Iterable

from loader.errors import UsageError
from loader.stream import Stream, Vanishing

__all__ = ["ACCOUNT", "BY_NAME", "STREAMS", "Stream", "Vanishing", "select"]

SINGULAR = {
    "leads": "lead",
    "contacts": "contact",
    "companies": "company",
    "customers": "customer",
}
FOUR = tuple(SINGULAR)
MERGED = "entity_merged"
ACCOUNT_WITH = (
    "amojo_id,users_groups,task_types,version,datetime_settings,drive_url,is_api_filter_enabled"
)
BY_ID = (("order[id]", "asc"),)  # stable under updates; only where it is allowed (§3.4)


def _main(name: str, with_: str) -> Stream:
    """One of the four main lists; `with` makes the links come along."""
    one = SINGULAR[name]
    has_trash = name != "customers"
    return Stream(
        name,
        name,
        name,
        name,
        name,
        # customers: an order is known from the official library only (§3.4).
        parameters=(("with", with_), *BY_ID),
        by_id="paid",
        changes="paid",
        orders_by_change=True,
        vanishing=Vanishing(
            # A merge names the winner only (§7.2); it shifts the pages all the same.
            (f"{one}_deleted", *([f"{one}_restored"] if has_trash else []), MERGED),
            has_trash=has_trash,
        ),
    )


STREAMS: tuple[Stream, ...] = (
    Stream(
        "account",
        "account",
        None,
        "accounts",
        page_limit=None,
        parameters=(("with", ACCOUNT_WITH),),
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
    Stream(
        "tasks",
        "tasks",
        "tasks",
        "tasks",
        parameters=BY_ID,
        by_id="free",
        changes="free",
        vanishing=Vanishing(("task_deleted",)),
    ),  # §5.15
    *(
        Stream(
            f"{entity}_notes",
            f"{entity}/notes",
            "notes",
            "notes",
            entity,
            parameters=BY_ID,
            by_id="free",
            changes="free",
            orders_by_change=True,
            vanishing=Vanishing(("common_note_deleted",), id_path="$.*[*].note.id"),
        )
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
        "catalogs_custom_field_groups",
        "catalogs/{id}/custom_fields/groups",
        "custom_field_groups",
        "custom_field_groups",
        "catalogs",
        parent="catalogs",
        has_numeric_id=False,
        is_keyed_by_parent=True,
        page_limit=None,
    ),  # §5.7
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
    Stream(
        "events",
        "events",
        "events",
        "events",
        has_numeric_id=False,
        page_limit=100,  # 250 is not sure (§12)
        changes="created",
    ),  # §5.17
    Stream(
        "talks",
        "talks",
        "talks",
        "talks",
        parent="events",
        named_by=("$.value_after[*].message.talk_id", '$ ? (@.entity_type == "talk").entity_id'),
        id_key="talk_id",
        by_id="single",
        is_default=False,  # one request each
    ),  # §5.20
    Stream(
        "files",
        "files",
        "files",
        "files",
        host="drive",
        id_key="uuid",
        has_numeric_id=False,
        page_limit=50,  # what the official library asks for; the largest is not known
        is_default=False,  # needs a right of its own
    ),  # §5.20
    # What lies in the trash: stubs, which must not overwrite what is known of them (§7.1).
    *(
        Stream(
            f"{entity}_trash",
            entity,
            entity,
            "trash",
            entity,
            parameters=(("with", "only_deleted"), ("order[updated_at]", "desc")),
            is_default=False,
        )
        for entity in FOUR
        if entity != "customers"
    ),
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
