"""What each list of the API is called, shows, sorts and filters by (facts §3 and §5)."""

from __future__ import annotations

from dataclasses import dataclass, replace

MAIN = ("leads", "contacts", "companies", "customers")

# The lists that show their trash (facts §7.1).
TRASH = ("leads", "contacts", "companies")

# The lists a token without administrator rights may not read (facts §10).
ADMIN_ONLY = frozenset({"users", "roles", "webhooks", "sources"})


@dataclass(frozen=True, slots=True)
class Stream:
    """One list: its place below /api/v4 and its manners."""

    name: str
    key: str
    linked: tuple[str, ...] = ()
    """Blocks in `_embedded` that are made of links to other entities."""
    own: tuple[str, ...] = ()
    """Blocks in `_embedded` that belong to the entity itself."""
    extra: tuple[str, ...] = ()
    """Top-level keys shown only when `with` names them."""
    always: tuple[str, ...] = ()
    """Blocks that are shown without being asked for."""
    closing: bytes = b""
    """What closes `_embedded`, where the entity has one that is filled per request."""
    orders: tuple[str, ...] = ()
    newest_first: bool = False
    filters: tuple[str, ...] = ()
    facets: tuple[str, ...] = ()
    """Keys kept beside the text of an entity so that filters need not parse it."""
    paid_filter: bool = False
    totals: bool = False
    paged: bool = True
    next_links: str = "correct"
    default_limit: int = 50
    missing_status: int = 404

    @property
    def blocks(self) -> tuple[str, ...]:
        """All blocks of a row in the order in which the row keeps them."""
        return self.linked + self.own + self.extra


RANGES = frozenset({
    "created_at", "updated_at", "closed_at", "closest_task_at", "complete_till",
    "price", "next_price", "next_date",
})  # fmt: skip

_PEOPLE_FILTERS = (
    "id", "name", "created_by", "updated_by", "responsible_user_id",
    "created_at", "updated_at", "closest_task_at", "custom_fields_values",
)  # fmt: skip
_OWNER = ("responsible_user_id",)

_MAIN_STREAMS = (
    Stream(
        "leads", "leads",
        linked=("companies", "contacts", "catalog_elements"),
        own=("loss_reason", "source"),
        extra=("is_price_modified_by_robot",),
        always=("companies",), closing=b"}",
        orders=("created_at", "updated_at", "id"), newest_first=True,
        filters=(*_PEOPLE_FILTERS, "pipeline_id", "price", "closed_at", "statuses"),
        facets=("responsible_user_id", "pipeline_id", "status_id"),
        paid_filter=True, missing_status=204,
    ),
    Stream(
        "contacts", "contacts",
        linked=("companies", "leads", "customers", "catalog_elements"),
        own=("social_profiles",),
        always=("companies",), closing=b"}",
        orders=("updated_at", "id"), filters=_PEOPLE_FILTERS, facets=_OWNER,
        paid_filter=True, missing_status=204,
    ),
    Stream(
        "companies", "companies",
        linked=("contacts", "leads", "customers", "catalog_elements"), closing=b"}",
        orders=("updated_at", "id"), filters=_PEOPLE_FILTERS, facets=_OWNER,
        paid_filter=True, missing_status=204,
    ),
    Stream(
        "customers", "customers",
        linked=("contacts", "companies", "catalog_elements"), closing=b"}",
        # Only the PHP library sends an order here (facts §3.4).
        orders=("updated_at", "id"),
        filters=(*_PEOPLE_FILTERS, "status_id", "next_price", "next_date"), facets=_OWNER,
        paid_filter=True, missing_status=204,
    ),
    Stream(
        "tasks", "tasks",
        orders=("created_at", "complete_till", "id"),
        filters=(
            "id", "responsible_user_id", "is_completed", "task_type", "task_type_id",
            "entity_type", "entity_id", "created_by", "updated_at",
        ),
        facets=("responsible_user_id", "is_completed", "task_type_id", "entity_type", "entity_id"),
    ),
    Stream(
        "events", "events",
        own=("contact_name", "lead_name", "company_name", "customer_name"), closing=b"}}",
        newest_first=True,
        filters=("id", "created_at", "created_by", "entity", "entity_id", "type"),
        facets=("type", "entity_type", "entity_id", "created_by"),
    ),
)  # fmt: skip

_NOTES = tuple(
    Stream(
        f"{entity}/notes", "notes", extra=("is_pinned",), orders=("updated_at", "id"),
        filters=("id", "entity_id", "note_type", "updated_at"),
        facets=("responsible_user_id", "entity_id", "note_type"),
    )
    for entity in MAIN
)  # fmt: skip
_FIELDS = Stream(
    "", "custom_fields", totals=True, orders=("sort", "id"),
    filters=("id", "type"), facets=("type", "sort"),
)  # fmt: skip
_PER_ENTITY = tuple(
    stream
    for entity in MAIN
    for stream in (
        # `next` is always there on tag lists (facts §5.18).
        Stream(
            f"{entity}/tags", "tags", filters=("id", "name"), facets=("name",), next_links="always"
        ),
        replace(_FIELDS, name=f"{entity}/custom_fields"),
        Stream(f"{entity}/custom_fields/groups", "custom_field_groups", totals=True, paged=False),
    )
)
_SMALL = (
    Stream(
        "users", "users", totals=True,
        extra=("uuid", "amojo_id", "user_rank", "phone_number"),
    ),
    Stream("roles", "roles", totals=True, extra=("users",)),
    Stream("leads/pipelines", "pipelines", totals=True, paged=False),
    Stream("leads/loss_reasons", "loss_reasons"),
    Stream("leads/unsorted", "unsorted", orders=("created_at", "updated_at"),
           filters=("uid", "category", "pipeline_id"), facets=("category", "pipeline_id")),
    Stream("customers/segments", "segments", totals=True),
    replace(_FIELDS, name="customers/segments/custom_fields"),
    Stream("customers/statuses", "statuses", totals=True, paged=False),
    Stream("customers/transactions", "transactions", filters=("id",), facets=("customer_id",)),
    Stream("catalogs", "catalogs", filters=("type",), facets=("type",)),
    Stream("sources", "sources", totals=True, filters=("external_id",), facets=("external_id",)),
    Stream("webhooks", "webhooks", totals=True, filters=("destination",), facets=("destination",)),
    Stream("widgets", "widgets", totals=True, facets=("code",)),
    Stream("talks", "talks"),
)  # fmt: skip

STREAMS = {stream.name: stream for stream in (*_MAIN_STREAMS, *_NOTES, *_PER_ENTITY, *_SMALL)}

# On another host, and in no list of the API.
FILES = Stream("files", "files")

INVOICE_LINK = "invoice_link"
STATUSES = Stream("", "statuses", totals=True, paged=False, extra=("descriptions",))
ELEMENTS = Stream(
    "", "elements", extra=("supplier_field_values",), filters=("id",),
    # 100 rows by default and no `next` although more follow (facts §1.7, issue #528).
    next_links="missing", default_limit=100,
)  # fmt: skip


def statuses(pipeline_id: int) -> Stream:
    """Return the list of one pipeline's stages."""
    return replace(STATUSES, name=f"leads/pipelines/{pipeline_id}/statuses")


def elements(catalog_id: int, kind: str) -> Stream:
    """Return the list of one catalog's elements; invoices have a link that others lack."""
    link = (INVOICE_LINK,) if kind == "invoices" else ()
    return replace(ELEMENTS, name=f"catalogs/{catalog_id}/elements", extra=(*ELEMENTS.extra, *link))


def element_fields(catalog_id: int) -> Stream:
    """Return the list of one catalog's custom fields."""
    return replace(_FIELDS, name=f"catalogs/{catalog_id}/custom_fields")


def element_field_groups(catalog_id: int) -> Stream:
    """Return the list of one catalog's field groups."""
    groups = STREAMS["leads/custom_fields/groups"]
    return replace(groups, name=f"catalogs/{catalog_id}/custom_fields/groups")
