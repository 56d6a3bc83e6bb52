"""The document of GET /account (facts §5.1)."""

from __future__ import annotations

from typing import Any

from sandbox import wire
from sandbox.generate.account import CATALOG_IDS, Account
from sandbox.generate.people import GROUPS
from sandbox.generate.tasks import TASK_TYPES
from sandbox.settings import Settings
from sandbox.wire import Json

_FORMS = {"gender": "f", "plural_form": {"dative": "сделкам", "default": "сделки"},
          "singular_form": {"dative": "сделке", "default": "сделка"}}  # fmt: skip
_DATETIME = {
    "date_pattern": "d.m.Y H:i",
    "short_date_pattern": "d.m.Y",
    "short_time_pattern": "H:i",
    # Spelt so in the documentation; the PHP library reads `date_format` (facts §5.1).
    "date_formant": "d.m.Y",
    "date_format": "d.m.Y",
    "time_format": "H:i:s",
    "timezone": "Europe/Moscow",
    "timezone_offset": "+03:00",
}


def overview(account: Account, settings: Settings, wanted: frozenset[str], base_url: str) -> bytes:
    """Return the account as text with marks; blocks only when `with` names them."""
    off = settings.customers_answer != "on"
    document: Json = {
        "id": settings.shown_account_id or account.id,
        "name": "ООО «Песочница»",
        "subdomain": "sandbox",
        "created_at": account.now - 130_000_000,
        "created_by": 0,
        "updated_at": account.now - 1_000_000,
        "updated_by": 0,
        "current_user_id": current_user(account, settings),
        "country": "RU",
        "currency": "RUB",
        "currency_symbol": "₽",
        "customers_mode": "disabled" if off else settings.customers_mode,
        "is_unsorted_on": True,
        "mobile_feature_version": 0,
        "is_loss_reason_enabled": True,
        "is_helpbot_enabled": False,
        "is_technical_account": False,
        "contact_name_display_order": 1,
    }
    for name, value in _extra(account, settings, base_url).items():
        if name in wanted:
            document[name] = value
    embedded = {name: value for name, value in _embedded(account).items() if name in wanted}
    text = f'{account.encode(document)[:-1]},"_links":{wire.self_link("account")}'
    if embedded:
        text += f',"_embedded":{account.encode(embedded)}'
    return (text + "}").encode()


def current_user(account: Account, settings: Settings) -> int:
    """Return the owner of the token: an administrator, or a plain user."""
    return account.users[0 if settings.admin else 3].id


def _extra(account: Account, settings: Settings, base_url: str) -> dict[str, Any]:
    return {
        "amojo_id": "2b2e7a1c-6a3b-4a27-9c9f-0d5d4d4a7f11",
        "uuid": "5f1d0f5e-7f0e-4c53-8f1d-3f3cfb3a0001",
        "version": 11,
        "drive_url": settings.drive_url or base_url,
        "is_api_filter_enabled": settings.filter_package,
        "entity_names": {"leads": {"ru": _FORMS}},
        "invoices_settings": {"lang": "ru", "invoices_catalog_id": CATALOG_IDS["invoices"]},
    }


def _embedded(account: Account) -> dict[str, Any]:
    return {
        "amojo_rights": {"can_direct": True, "can_create_groups": True},
        "users_groups": [{"id": id_, "name": name, "uuid": None} for id_, name in GROUPS.items()],
        "task_types": [
            {"id": id_, "name": name, "color": None, "icon_id": None, "code": code}
            for id_, name, code in TASK_TYPES
        ],
        "datetime_settings": _DATETIME,
    }
