"""Pipelines with their stages, reasons of loss, and the stages and segments of customers."""

from __future__ import annotations

from sandbox import streams
from sandbox.generate.account import Account, row
from sandbox.generate.fields import Field
from sandbox.generate.shapes import entry
from sandbox.store import Row
from sandbox.streams import STREAMS
from sandbox.wire import Json

WON, LOST = 142, 143

PIPELINES = {
    3001: ("Продажи", False),
    3003: ("Сервис", False),
    3005: ("Партнёры «Регион»", False),
    3007: ("Старая воронка", True),
}
_STAGES = (
    "Неразобранное", "Первичный контакт", "Переговоры", "Принимают решение",
    "Согласование договора",
)  # fmt: skip
_COLORS = ("#c1c1c1", "#99ccff", "#ffff99", "#ffcc66", "#ff8f92")

LOSS_REASONS = ("Дорого", "Нет потребности", "Выбрали «других»", "Не дозвонились", "Спам 🚫")
FIRST_LOSS_REASON = 8001

CUSTOMER_STATUSES = (
    ("Недавно купили", 4), ("Ожидается покупка", 1), ("Не купили", 2), ("Закрыто", 3),
)  # fmt: skip
FIRST_CUSTOMER_STATUS = 4001
SEGMENTS = (("VIP", "6610f2"), ("Опт", "f50e5e"), ("Давно не покупали", "10599d"))
FIRST_SEGMENT = 4301


def add_funnel(account: Account) -> None:
    """Put all of it into the account."""
    pipelines = account.collection(STREAMS["leads/pipelines"])
    for number, id_ in enumerate(PIPELINES):
        stages = [_stage(account, id_, order) for order in range(len(_STAGES) + 2)]
        account.stages += tuple((id_, stage["id"]) for stage in stages if stage["type"] == 0)
        rows = [_stage_row(account, id_, stage) for stage in stages]
        account.collection(streams.statuses(id_)).add(rows)
        pipelines.add([_pipeline_row(account, id_, number, rows)])
    account.collection(STREAMS["leads/loss_reasons"]).add(
        row(account, STREAMS["leads/loss_reasons"], loss_reason(account, FIRST_LOSS_REASON + n))
        for n in range(len(LOSS_REASONS))
    )
    _add_customer_stages(account)


def _stage(account: Account, pipeline_id: int, order: int) -> Json:
    closed = order - len(_STAGES)
    id_ = (WON, LOST)[closed] if closed >= 0 else pipeline_id * 100 + order
    name = ("Успешно реализовано", "Закрыто и не реализовано")[closed] if closed >= 0 else ""
    return {
        "id": id_,
        "name": name or _STAGES[order],
        "sort": 10 * (order + 1) if closed < 0 else 10_000 + 1000 * closed,
        "is_editable": 0 < order < len(_STAGES),
        "pipeline_id": pipeline_id,
        "color": ("#CCFF66", "#D5D8DB")[closed] if closed >= 0 else _COLORS[order],
        "type": int(order == 0),
        "account_id": account.id,
    }


def _stage_row(account: Account, pipeline_id: int, stage: Json) -> Row:
    # Dates of descriptions are text without a zone, unlike all others (facts §4).
    description = {
        "id": stage["id"] + 5,
        "account_id": account.id,
        "created_at": "2023-01-15 12:00:00",
        "updated_at": "2023-02-01 09:30:00",
        "created_by": account.users[0].id,
        "updated_by": None,
        "pipeline_id": pipeline_id,
        "status_id": stage["id"],
        "level": "newbie",
        "description": f"Что делать на этапе «{stage['name']}»",
    }
    descriptions = [description] if stage["is_editable"] else []
    return row(
        account,
        streams.statuses(pipeline_id),
        stage,
        blocks=(f',"descriptions":{account.encode(descriptions)}'.encode(),),
    )


def _pipeline_row(account: Account, id_: int, number: int, stages: list[Row]) -> Row:
    name, is_archive = PIPELINES[id_]
    document = {
        "id": id_,
        "name": name,
        "sort": number + 1,
        "is_main": number == 0,
        "is_unsorted_on": number != 3,
        "is_archive": is_archive,
        "account_id": account.id,
    }
    listed = ",".join(stage.core.decode() + "}" for stage in stages)
    return row(
        account,
        STREAMS["leads/pipelines"],
        document,
        embedded=f',"_embedded":{{"statuses":[{listed}]}}',
    )


def loss_reason(account: Account, id_: int) -> Json:
    """Return the document of a reason of loss."""
    number = id_ - FIRST_LOSS_REASON
    made = account.now - 100_000_000
    return {
        "id": id_,
        "name": LOSS_REASONS[number],
        "sort": 100_000 * (number + 1),
        "created_at": made,
        "updated_at": made + number,
    }


def _add_customer_stages(account: Account) -> None:
    statuses, segments = STREAMS["customers/statuses"], STREAMS["customers/segments"]
    account.collection(statuses).add(
        row(account, statuses, _customer_status(account, number))
        for number in range(len(CUSTOMER_STATUSES))
    )
    account.collection(segments).add(
        row(account, segments, _segment(account, number)) for number in range(len(SEGMENTS))
    )


def _customer_status(account: Account, number: int) -> Json:
    name, kind = CUSTOMER_STATUSES[number]
    condition = {"type": "after_today", "match": {"value": 60}, "conditions": [{"value": 60}]}
    return {
        "id": FIRST_CUSTOMER_STATUS + 2 * number,
        "name": name,
        "sort": number + 1,
        "is_default": number == 0,
        "conditions": [[condition], []] if number else [],
        "color": "#fd5598",
        "type": kind,
        "account_id": account.id,
    }


def _segment(account: Account, number: int) -> Json:
    name, color = SEGMENTS[number]
    flag: Field = account.fields["segments"][0]
    values = [entry(flag, [{"value": True}], account.rng("segment"))]
    return {
        "id": FIRST_SEGMENT + 2 * number,
        "created_at": account.now - 90_000_000,
        "updated_at": account.now - 80_000_000,
        "account_id": account.id,
        "name": name,
        "color": color,
        "available_products_price_types": [account.fields["products"][1].id] if number else None,
        "customers_count": account.size.customers // 3,
        # An empty set of values is [] here and null elsewhere (facts §4).
        "custom_fields_values": (values, [], None)[number],
    }
