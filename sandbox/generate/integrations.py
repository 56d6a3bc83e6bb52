"""Sources, webhooks and widgets: what integrations left in the account (facts §5.20)."""

from __future__ import annotations

from sandbox.generate.account import Account, row
from sandbox.generate.funnel import PIPELINES
from sandbox.streams import STREAMS
from sandbox.wire import Json

SOURCES = {21: "Номер на сайте", 23: "Форма «Заявка»", 25: "Telegram-бот"}
WIDGETS = {"sandbox_telephony": "2,8", "sandbox_mail": 4.5}


def add_integrations(account: Account) -> None:
    """Put them into the account."""
    for name, documents in {
        "sources": [_source(id_) for id_ in SOURCES],
        "webhooks": [_webhook(account, number) for number in range(3)],
        "widgets": [_widget(number, code) for number, code in enumerate(WIDGETS)],
    }.items():
        stream = STREAMS[name]
        account.collection(stream).add(row(account, stream, each) for each in documents)


def _source(id_: int) -> Json:
    page = {"name": "Основная", "id": str(id_), "link": "79990000000"}
    return {
        "id": id_,
        "name": SOURCES[id_],
        "pipeline_id": next(iter(PIPELINES)),
        "external_id": f"ext-{id_}",
        "default": id_ == 21,
        "origin_code": None,
        "services": [{"type": "whatsapp", "params": {"waba": False}, "pages": [page]}],
    }


def _webhook(account: Account, number: int) -> Json:
    return {
        "id": 31 + number,
        "destination": f"https://hook{number}.example/amo?secret=***",
        "created_at": account.now - 50_000_000,
        "updated_at": account.now - 40_000_000 + number,
        "account_id": account.id,
        "created_by": account.users[0].id,
        "sort": number + 1,
        "disabled": number == 2,
        "settings": ["add_lead", "update_lead", "delete_lead", "note_contact"][: number + 2],
    }


def _widget(number: int, code: str) -> Json:
    setting = {"key": "api", "name": "custom", "type": "custom", "is_required": False}
    return {
        "id": 742 + number,
        "code": code,
        "version": "1.0.0",
        # A number with a decimal comma in text, or a real one (facts §9.19).
        "rating": WIDGETS[code],
        "settings_template": [setting],
        "is_lead_source": False,
        "is_work_with_dp": bool(number),
        "is_crm_template": False,
        "client_uuid": None,
        "is_active_in_account": True,
        "pipeline_id": None,
    }
