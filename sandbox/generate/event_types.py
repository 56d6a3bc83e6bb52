"""The types of events and what their values look like (facts §5.17)."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from sandbox.generate.account import Account
from sandbox.generate.dictionaries import TAGS
from sandbox.generate.shapes import uuid
from sandbox.generate.words import pick
from sandbox.wire import Json

Values = Callable[[Account, Random], list[Any]]

# Events name entities in the singular (facts §9.16).
SINGULAR = {
    "leads": "lead", "contacts": "contact", "companies": "company", "customers": "customer",
    "tasks": "task", "talks": "talk",
}  # fmt: skip

# What happens to a talk has names of its own.
RENAMED = {"talk_added": "talk_created", "talk_deleted": "talk_closed"}


def _note(account: Account, rng: Random) -> list[Any]:
    return [{"note": {"id": account.some_id("leads/notes", rng)}}]


def _status(account: Account, rng: Random) -> list[Any]:
    pipeline_id, status_id = pick(rng, account.stages)
    return [{"lead_status": {"id": status_id, "pipeline_id": pipeline_id}}]


def _link(account: Account, rng: Random) -> list[Any]:
    return [{"link": {"entity": {"type": "contact", "id": account.some_id("contacts", rng)}}}]


def _field_value(account: Account, rng: Random) -> list[Any]:
    field = pick(rng, account.fields["leads"])
    enum_id = field.enums[0].id if field.enums else None
    # `field_type` is a number and everything else is text here (facts §9.17).
    value = {"field_id": field.id, "field_type": 8, "enum_id": enum_id, "text": "текст"}
    return [{"custom_field_value": value}]


def _message(account: Account, rng: Random) -> list[Any]:
    talk_id = account.some_id("talks", rng)
    return [{"message": {"id": uuid(rng), "talk_id": talk_id, "origin": "telegram"}}]


def _one(key: str, inner: str, draw: Callable[[Account, Random], Any]) -> Values:
    def values(account: Account, rng: Random) -> list[Any]:
        value: Json = {key: {inner: draw(account, rng)}}
        return [value]

    return values


VALUES: dict[str, Values] = {
    "lead_status_changed": _status,
    "customer_status_changed": _one("customer_status", "id", lambda a, r: 4001),
    "entity_responsible_changed": _one("responsible_user", "id", lambda a, r: a.person(r).id),
    "sale_field_changed": _one("sale_field_value", "sale", lambda a, r: int(r.random() * 1e5)),
    "name_field_changed": _one("name_field_value", "name", lambda a, r: pick(r, a.words.deals)),
    "ltv_field_changed": _one("ltv_field_value", "ltv", lambda a, r: int(r.random() * 1e5)),
    "custom_field_value_changed": _field_value,
    "task_text_changed": _one("task", "text", lambda a, r: pick(r, a.words.todos)),
    "task_deadline_changed": _one("task_deadline", "timestamp", lambda a, r: a.now),
    "task_type_changed": _one("task_type", "id", lambda a, r: 1),
    "entity_tag_added": _one("tag", "name", lambda a, r: pick(r, TAGS)),
    "entity_tag_deleted": _one("tag", "name", lambda a, r: pick(r, TAGS)),
    "entity_linked": _link,
    "entity_unlinked": _link,
    "lead_linked": _link,
    "lead_unlinked": _link,
    "incoming_chat_message": _message,
    "outgoing_chat_message": _message,
    "entity_direct_message": _message,
    "nps_rate_added": _one("nps", "rate", lambda a, r: int(r.random() * 10)),
    "transaction_added": _one("transaction", "id", lambda a, r: 700_001),
    "robot_replied": _one("helpbot", "id", lambda a, r: 1),
    "intent_identified": _one("helpbot", "id", lambda a, r: 1),
    "lead_added": _note,
    "contact_added": _note,
    "company_added": _note,
    "customer_added": _note,
    "task_result_added": _note,
    "incoming_call": _note,
    "outgoing_call": _note,
    "incoming_sms": _note,
    "outgoing_sms": _note,
    "incoming_mail": _note,
    "link_followed": _note,
    "common_note_added": _note,
    "common_note_deleted": _note,
    "attachment_note_added": _note,
    "geo_note_added": _note,
    "service_note_added": _note,
    "site_visit_note_added": _note,
    "targeting_in_note_added": _note,
    "targeting_out_note_added": _note,
    "message_to_cashier_note_added": _note,
}

# Both lists of values are empty, so that the event alone does not name what was lost.
SILENT_TYPES = (
    "task_added", "task_completed", "task_deleted", "entity_merged", "contact_restored",
    "company_restored", "lead_restored", "key_action_completed", "talk_closed",
)  # fmt: skip

# Numbers of types that were seen (facts, appendix A); the rest are of our own.
NUMBERS = {
    "lead_added": 1, "lead_deleted": 7, "lead_status_changed": 14,
    "custom_field_value_changed": 24, "entity_responsible_changed": 25, "common_note_added": 27,
    "attachment_note_added": 28, "entity_tag_added": 63, "sale_field_changed": 69,
    "name_field_changed": 70, "entity_linked": 72, "incoming_chat_message": 89,
    "outgoing_chat_message": 90,
}  # fmt: skip


def catalogue() -> list[Json]:
    """Return the documents of GET /events/types."""
    kinds = [*VALUES, *SILENT_TYPES, "lead_deleted", "contact_deleted", "company_deleted"]
    return [
        {"key": kind, "type": NUMBERS.get(kind, 1000 + number), "lang": kind.replace("_", " ")}
        for number, kind in enumerate(kinds)
    ]
