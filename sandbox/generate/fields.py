"""Custom field definitions: every type of facts §6 on each entity that may have it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sandbox.wire import Json


@dataclass(frozen=True, slots=True)
class Enum:
    """One choice of a field."""

    id: int
    value: str
    code: str | None
    sort: int


@dataclass(frozen=True, slots=True)
class Field:
    """One custom field of one entity."""

    id: int
    name: str
    type: str
    entity: str
    code: str | None
    enums: tuple[Enum, ...]
    sort: int

    @property
    def key(self) -> str:
        """What generators call the field: its code, or its name."""
        return self.code or self.name


# name, type, code, choices
Spec = tuple[str, str, str | None, tuple[str, ...]]

LONG_FIELD_NAME = ("Поле с очень длинным названием для проверки предела имён " * 4)[:200]
QUOTED_NAME = "Поле \"в кавычках\", с 'апострофом', \\ и %"

PHONE_CODES = ("WORK", "WORKDD", "MOB", "FAX", "HOME", "OTHER")
EMAIL_CODES = ("WORK", "PRIV", "OTHER")
IM_CODES = ("SKYPE", "ICQ", "JABBER", "GTALK", "MSN", "OTHER")
_SOURCES = ("Сайт", "Звонок", "Выставка", "Рекомендация", "Яндекс.Директ", "Холодный обзвон")
_INTERESTS = ("Опт", "Розница", "Сервис", "Аренда", "Обучение; курсы", "«Прочее»")
_INDUSTRIES = ("Строительство", "Торговля", "Производство", "IT", "Медицина", "Образование")

_COMMON: tuple[Spec, ...] = (
    ("Комментарий", "textarea", None, ()),
    ("Площадь, м²", "numeric", None, ()),
    ("Бюджет", "monetary", None, ()),
    ("Договор подписан", "checkbox", None, ()),
    ("Ссылка", "url", None, ()),
    ("Дата договора", "date", None, ()),
    ("Следующий контакт", "date_time", None, ()),
    ("Срочность", "radiobutton", None, ("Срочно", "Не срочно", "Когда-нибудь")),
    ("Интересы", "multiselect", None, _INTERESTS),
    ("Короткий адрес", "streetaddress", None, ()),
    ("Скан договора", "file", None, ()),
)
_PERSONAL: tuple[Spec, ...] = (
    ("Адрес объекта", "smart_address", None, ()),
    ("День рождения", "birthday", None, ()),
    ("Реквизиты", "legal_entity", None, ()),
)
_PHONE: tuple[Spec, ...] = (
    ("Телефон", "multitext", "PHONE", PHONE_CODES),
    ("Email", "multitext", "EMAIL", EMAIL_CODES),
)

SPECS: dict[str, tuple[Spec, ...]] = {
    "leads": (
        *_COMMON,
        *_PERSONAL,
        ("Источник", "select", None, _SOURCES),
        # The same name twice: a wide view must not mix them up.
        ("Источник", "text", None, ()),
        (LONG_FIELD_NAME, "text", None, ()),
        (QUOTED_NAME, "text", None, ()),
        ("Товарная группа", "chained_list", None, ()),
        ("utm_source", "tracking_data", "UTM_SOURCE", ()),
        ("utm_campaign", "tracking_data", "UTM_CAMPAIGN", ()),
        ("_ym_uid", "tracking_data", "_YM_UID", ()),
    ),
    "contacts": (
        *_PHONE,
        ("Должность", "text", "POSITION", ()),
        ("Мгн. сообщения", "multitext", "IM", IM_CODES),
        *_COMMON,
        *_PERSONAL,
        ("ИНН", "text", None, ()),
        ("Пол", "select", None, ("М", "Ж")),
    ),
    "companies": (
        *_PHONE,
        ("Web", "url", "WEB", ()),
        ("Адрес", "textarea", "ADDRESS", ()),
        ("ИНН", "text", None, ()),
        ("КПП", "text", None, ()),
        ("ОГРН", "text", None, ()),
        *_COMMON,
        *_PERSONAL,
        ("Отрасль", "select", None, _INDUSTRIES),
        ("Полное наименование", "org_legal_name", None, ()),
        ("id", "numeric", None, ()),
        ("updated_at", "text", None, ()),
    ),
    "customers": (
        *_COMMON,
        ("Товарная группа", "chained_list", None, ()),
        ("Уровень", "select", None, ("Золотой", "Серебряный", "Бронзовый")),
        ("Карта лояльности", "text", None, ()),
    ),
    "segments": (("Флаг", "checkbox", "FLAG", ()), ("Описание", "text", None, ())),
    "products": (
        ("Артикул", "text", "SKU", ()),
        ("Цена", "price", "PRICE", ()),
        ("Описание", "textarea", "DESCRIPTION", ()),
        ("Группа", "category", "GROUP", ("Техника", "Телефоны", "Мебель", "Услуги")),
        ("Вес", "numeric", None, ()),
        ("Единица", "select", "UNIT", ("шт", "кг", "м²", "час")),
    ),
    "invoices": (
        ("Статус", "select", "BILL_STATUS", ("Создан", "Частично оплачен", "Оплачен")),
        ("Плательщик", "payer", "PAYER", ()),
        ("Позиции", "items", "ITEMS", ()),
        ("Сумма", "numeric", "BILL_PRICE", ()),
        ("Дата оплаты", "date_time", "BILL_PAYMENT_DATE", ()),
        ("Поставщик", "supplier", "SUPPLIER", ()),
        ("Покупатель", "linked_entity", None, ()),
    ),
    "suppliers": (("Реквизиты", "legal_entity", "LEGAL_ENTITY", ()),),
    "regular": (("Модель", "text", None, ()), ("Ответственный", "linked_entity", None, ())),
}

# PHONE and EMAIL are the same fields on contacts and companies (facts §9.34).
_SHARED = {"PHONE": 520_001, "EMAIL": 520_002}
_FIRST_ID = {
    "leads": 510_001, "contacts": 520_001, "companies": 530_001, "customers": 540_001,
    "segments": 550_001, "products": 560_001, "invoices": 570_001, "suppliers": 580_001,
    "regular": 590_001,
}  # fmt: skip


def fields(entity: str) -> tuple[Field, ...]:
    """Return the fields of an entity, or of a type of catalog."""
    made = []
    for number, (name, kind, code, choices) in enumerate(SPECS[entity]):
        id_ = _SHARED.get(code or "", _FIRST_ID[entity] + number)
        enums = tuple(
            Enum(id_ * 100 + 2 * i + 1, value, _enum_code(kind, code, value, i), 2 * i)
            for i, value in enumerate(choices)
        )
        made.append(Field(id_, name, kind, entity, code, enums, sort=2 + 2 * number))
    return tuple(made)


def _enum_code(kind: str, code: str | None, value: str, number: int) -> str | None:
    if kind == "multitext":
        return value
    if code == "BILL_STATUS":
        return ("created", "partially_paid", "paid")[number]
    return None


def definition(field: Field, account_id: int, catalog_ids: dict[str, int]) -> Json:
    """Return the document of a field (facts §5.6)."""
    in_catalog = field.entity in ("products", "invoices", "suppliers", "regular")
    document: Json = {
        "id": field.id,
        "name": field.name,
        "type": field.type,
        "account_id": account_id,
        "code": field.code,
        "sort": field.sort,
        "is_api_only": field.type == "tracking_data",
        "enums": _choices(field),
        "group_id": _group(field, in_catalog),
        "required_statuses": [] if field.sort % 3 else None,
        "is_deletable": field.code is None,
        "is_predefined": field.code is not None,
        "entity_type": "catalogs" if in_catalog else field.entity,
        "tracking_callback": "",
        "remind": "day" if field.type == "birthday" else None,
        "triggers": [],
        "currency": "RUB" if field.type == "monetary" else None,
        "hidden_statuses": [],
        "chained_lists": _chain(catalog_ids) if field.type == "chained_list" else None,
    }
    if field.entity == "leads":
        document["is_computed"] = False
    if in_catalog:
        document |= {"is_visible": True, "is_required": field.code == "PRICE", "settings": None}
    if field.type == "category":
        document["nested"] = [
            {"id": e.id, "parent_id": None if i != 1 else field.enums[0].id, "value": e.value,
             "sort": i}
            for i, e in enumerate(field.enums)
        ]  # fmt: skip
    if field.type == "linked_entity":
        document["search_in"] = "contacts_and_companies"
    return document


def _choices(field: Field) -> list[Json] | None:
    if not field.enums or field.type == "category":
        return None
    listed: list[Json] = []
    for enum in field.enums:
        choice: Json = {"id": enum.id, "value": enum.value, "sort": enum.sort}
        if enum.code and field.type != "multitext":
            choice["code"] = enum.code
        listed.append(choice)
    return listed


def _group(field: Field, in_catalog: bool) -> str | None:
    if in_catalog or field.code in ("PHONE", "EMAIL"):
        return None
    return "statistic" if field.type == "tracking_data" else "default"


def _chain(catalog_ids: dict[str, int]) -> list[Json]:
    head, tail = catalog_ids["products"], catalog_ids["regular"]
    chain: list[dict[str, Any]] = [{"title": "Группа", "catalog_id": head}]
    chain.append({"title": None, "catalog_id": tail, "parent_catalog_id": head})
    return chain


def groups(entity: str) -> list[Json]:
    """Return the field groups of an entity; their ids are strings (facts §5.7)."""
    titles = [("default", "Основное", True), (f"{entity}_29741591099841", "Доп. «поля»", False)]
    if entity == "leads":
        titles.insert(1, ("statistic", "Статистика", True))
    return [
        {"id": id_, "name": name, "sort": sort, "entity_type": entity,
         "is_predefined": fixed, "type": "custom_field_group"}
        for sort, (id_, name, fixed) in enumerate(titles)
    ]  # fmt: skip
