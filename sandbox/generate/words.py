"""Pools of names, places and phrases that all generators draw from, made once per account."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeVar

from mimesis import Address, Person
from mimesis.enums import Gender
from mimesis.locales import Locale

T = TypeVar("T")

PREFIXES = (
    "Техно", "Строй", "Пром", "Агро", "Мед", "Авто", "Эко", "Энерго", "Свет", "Сиб", "Урал",
    "Волга", "Дон", "Нева", "Юг", "Гранд", "Альфа", "Профи", "Мега", "Евро", "Рус", "Нео", "Био",
    "Гео", "Транс", "Метал", "Лес", "Аква", "Вент", "Хим",
)  # fmt: skip
SUFFIXES = (
    "Строй", "Сервис", "Торг", "Групп", "Мастер", "Снаб", "Проект", "Инвест", "Логистик",
    "Маркет", "Монтаж", "Ресурс", "Комплект", "Продукт", "Центр", "Дом", "Плюс", "Альянс",
    "Трейд", "Пром", "Лайн", "Системы", "Техника", "Партнёр",
)  # fmt: skip
NOUNS = (
    "Ромашка", "Василёк", "Берёзка", "Заря", "Рассвет", "Горизонт", "Вектор", "Меридиан",
    "Орбита", "Парус", "Маяк", "Кедр", "Сокол", "Беркут", "Прогресс", "Импульс", "Фортуна",
    "Гармония", "Виктория", "Надежда", "Рубин", "Изумруд", "Янтарь", "Кристалл", "Атлант",
    "Титан", "Эверест", "Байкал", "Ладога", "Онега", "Арктика", "Магистраль", "Перспектива",
    "Содружество", "Ёлочка", "Пять\u00a0звёзд", "Вкусный\u00a0дом", "Белый\u00a0клык",
    "Щит\u00a0и\u00a0меч", "Чай\u00a0&\u00a0Кофе",
)  # fmt: skip
PLACES = ("", "", "", "", "-Юг", "-Север", "-М", " 2000", " Плюс", " и К", "-Регион", " XXI век")

_OPENINGS = (
    "Позвонить", "Перезвонить", "Отправить КП", "Согласовать договор", "Выставить счёт",
    "Уточнить реквизиты", "Назначить встречу", "Подготовить смету", "Напомнить об оплате",
    "Проверить поставку", "Запросить карточку предприятия", "Обсудить скидку",
)  # fmt: skip
_OBJECTS = (
    "по заявке с сайта", "по второму объекту", "с директором", "с бухгалтерией", "по акции",
    "после 15:00 по Москве", "до конца недели", "по рекламации", "с закупщиком", "по доставке",
)  # fmt: skip
_DETAILS = (
    "Клиент просит рассрочку.", "Просил не звонить до понедельника.", "Бюджет ещё не утверждён!",
    "Нужен образец — отправить СДЭКом.", "Сказал: «подумаю»…", "Оплата 50/50, НДС 20 %.",
    "Документы — оригиналами, Почтой России.", "Секретарь не соединяет.", "", "",
    "Ждёт ответа в WhatsApp.", "Сравнивает с конкурентами, важна цена за м².",
)  # fmt: skip
_TOPICS = (
    "Поставка", "Ремонт", "Монтаж", "Консультация", "Обслуживание", "Аренда", "Проект",
    "Сертификация", "Доставка", "Разработка сайта", "Реклама", "Обучение", "Закупка",
)  # fmt: skip
_SUBJECTS = (
    "оборудования", "офиса", "вентиляции", "для склада", "по тендеру", "на год", "под ключ",
    "для филиала", "(повторная)", "№ {n}", "от {n}.09", "— срочно", "",
)  # fmt: skip

_LATIN = {
    "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "ё": "e", "ж": "zh", "з": "z",
    "и": "i", "й": "y", "к": "k", "л": "l", "м": "m", "н": "n", "о": "o", "п": "p", "р": "r",
    "с": "s", "т": "t", "у": "u", "ф": "f", "х": "h", "ц": "c", "ч": "ch", "ш": "sh",
    "щ": "sch", "ъ": "", "ы": "y", "ь": "", "э": "e", "ю": "yu", "я": "ya",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Name:
    """One person's name in its three parts."""

    first: str
    middle: str
    last: str

    @property
    def initials(self) -> str:
        """The name as it stands in papers: Иванов И. И."""
        return f"{self.last} {self.first[0]}. {self.middle[0]}."


@dataclass(frozen=True, slots=True)
class Words:
    """The pools."""

    names: tuple[Name, ...]
    occupations: tuple[str, ...]
    cities: tuple[str, ...]
    streets: tuple[str, ...]
    brands: tuple[str, ...]
    todos: tuple[str, ...]
    remarks: tuple[str, ...]
    deals: tuple[str, ...]


def pick(rng: Random, items: Sequence[T]) -> T:
    """Choose one item; several times as quick as Random.choice."""
    return items[int(rng.random() * len(items))]


def latin(text: str) -> str:
    """Spell a Russian word in the letters of a mail address."""
    return "".join(_LATIN.get(char, char) for char in text.lower() if char.isalnum())


def words(seed: int) -> Words:
    """Make all pools from a seed."""
    rng = Random(f"{seed}:words")
    person = Person(Locale.RU, seed=seed)
    place = Address(Locale.RU, seed=seed)
    return Words(
        names=tuple(_name(person, rng) for _ in range(4000)),
        occupations=_some(person.occupation, 300),
        cities=_some(place.city, 400),
        streets=_some(lambda: f"{place.street_suffix()} {place.street_name()}", 400),
        brands=tuple(_brand(rng) for _ in range(4000)),
        todos=tuple(f"{pick(rng, _OPENINGS)} {pick(rng, _OBJECTS)}" for _ in range(300)),
        remarks=tuple(
            f"{pick(rng, _OPENINGS)} {pick(rng, _OBJECTS)}. {pick(rng, _DETAILS)}".strip()
            for _ in range(600)
        ),
        deals=tuple(
            f"{pick(rng, _TOPICS)} {pick(rng, _SUBJECTS)}".format(n=1 + i % 97).strip()
            for i in range(600)
        ),
    )


def _some(draw: Callable[[], str], count: int) -> tuple[str, ...]:
    return tuple(draw() for _ in range(count))


def _name(person: Person, rng: Random) -> Name:
    gender = pick(rng, (Gender.MALE, Gender.FEMALE))
    middle = person.patronymic(gender=gender) or "Ивановна"
    return Name(person.first_name(gender=gender), middle, person.last_name(gender=gender))


def _brand(rng: Random) -> str:
    if rng.random() < 0.6:
        stem = pick(rng, PREFIXES) + pick(rng, SUFFIXES)
        brand = stem if rng.random() < 0.5 else stem.capitalize()
    else:
        brand = pick(rng, NOUNS)
    return brand + pick(rng, PLACES)
