"""Custom field definitions, their groups, and tags as lists of the API."""

from __future__ import annotations

from sandbox import streams
from sandbox.generate import fields
from sandbox.generate.account import CATALOG_IDS, Account, row
from sandbox.generate.words import pick
from sandbox.streams import MAIN, STREAMS, Stream

# The same words are tags of other entities with other ids (facts §5.18).
TAGS = (
    "vip", "VIP", "опт", "розница", "повторный", "2024", "чёрный список", "🔥", "b2b",
    "из \"файла\"", "тендер", "холодный", "партнёр", "импорт_31.12",
)  # fmt: skip
_COLORS = ("EBEBEB", "CCFF66", "FFCE5A", "FFFFFF", None)
_FIRST_TAG = {"leads": 1001, "contacts": 1101, "companies": 1201, "customers": 1301}


def add_dictionaries(account: Account) -> None:
    """Put them into the account."""
    for entity in MAIN:
        _add_fields(account, STREAMS[f"{entity}/custom_fields"], entity)
        groups = STREAMS[f"{entity}/custom_fields/groups"]
        account.collection(groups).add(
            row(account, groups, group) for group in fields.groups(entity)
        )
        _add_tags(account, entity)
    _add_fields(account, STREAMS["customers/segments/custom_fields"], "segments")
    for kind, catalog_id in CATALOG_IDS.items():
        _add_fields(account, streams.element_fields(catalog_id), kind)
        in_catalog = streams.element_field_groups(catalog_id)
        account.collection(in_catalog).add(
            row(account, in_catalog, group) for group in fields.groups("catalogs")
        )


def _add_fields(account: Account, stream: Stream, entity: str) -> None:
    account.collection(stream).add(
        row(account, stream, fields.definition(field, account.id, CATALOG_IDS))
        for field in account.fields[entity]
    )


def _add_tags(account: Account, entity: str) -> None:
    stream = STREAMS[f"{entity}/tags"]
    rng = account.rng(f"{entity}/tags")
    tags = [
        {
            "id": _FIRST_TAG[entity] + number,
            "name": name,
            # Only tags of leads have a colour (facts §5.18).
            "color": pick(rng, _COLORS) if entity == "leads" else None,
        }
        for number, name in enumerate(TAGS)
    ]
    account.tags[entity] = tuple(account.encode(tag) for tag in tags)
    account.collection(stream).add(row(account, stream, tag) for tag in tags)
