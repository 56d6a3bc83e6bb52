"""The account while it is being made: what generators share with each other."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from sandbox import wire
from sandbox.generate.fields import SPECS, Field, fields
from sandbox.generate.firms import Firm
from sandbox.generate.words import Name, Words, pick, words
from sandbox.links import Edge, Links, block
from sandbox.store import Collection, Id, Row
from sandbox.streams import Stream
from sandbox.wire import Encode, Json

YEAR = 365 * 86_400
HISTORY_SECONDS = 4 * YEAR
CATALOG_IDS = {"products": 2001, "invoices": 2003, "suppliers": 2005, "regular": 2007}


@dataclass(frozen=True, slots=True)
class Size:
    """How many entities of each kind there are."""

    companies: int = 1000
    contacts: int = 4000
    leads: int = 4000
    notes: int = 8000
    tasks: int = 2000
    customers: int = 100
    events: int = 2000

    @classmethod
    def of(cls, companies: int, **others: int | None) -> Size:
        """Return the usual ratios for a number of companies, but for what is given."""
        usual = {
            "contacts": 4 * companies,
            "leads": 4 * companies,
            "notes": 8 * companies,
            "tasks": 2 * companies,
            "customers": companies // 10,
            "events": 2 * companies,
        }
        given = {name: count for name, count in others.items() if count is not None}
        return cls(companies, **{**usual, **given})


@dataclass(frozen=True, slots=True)
class User:
    """One user of the account."""

    id: int
    name: str
    group_id: int
    is_active: bool


@dataclass(frozen=True, slots=True)
class Person:
    """One real-world person; several contacts of the account may be the same one."""

    number: int
    name: Name
    mobile: str
    mail: str


@dataclass(slots=True)
class Account:
    """Everything there is in the account."""

    id: int
    seed: int
    now: int
    encode: Encode
    size: Size
    words: Words = field(init=False)
    fields: dict[str, tuple[Field, ...]] = field(init=False)
    links: Links = field(default_factory=Links)
    collections: dict[str, Collection] = field(default_factory=dict)
    users: tuple[User, ...] = ()
    stages: tuple[tuple[int, int], ...] = ()
    """Pairs of pipeline and status; 142 and 143 are in every pipeline."""
    tags: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """The tags of an entity as JSON text."""
    firms: dict[int, Firm] = field(default_factory=dict)
    """The firm behind each company."""
    distinct_firms: list[Firm] = field(default_factory=list)
    people: dict[int, Person] = field(default_factory=dict)
    """The person behind each contact."""
    distinct_people: list[Person] = field(default_factory=list)
    cut_links: dict[tuple[str, Id], list[Edge]] = field(default_factory=dict)
    """The links that entities in the trash had."""
    last_ids: dict[str, int] = field(default_factory=dict)
    """The greatest id ever given out, by the key of a stream."""
    poison: dict[str, list[tuple[str, Id]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.words = words(self.seed)
        self.fields = {entity: fields(entity) for entity in SPECS}

    def rng(self, purpose: str) -> Random:
        """Return a source of chance of its own, so that one size does not move other data."""
        return Random(f"{self.seed}:{purpose}")

    def collection(self, stream: Stream) -> Collection:
        """Return the rows of a stream, making room for them at first."""
        return self.collections.setdefault(stream.name, Collection(stream))

    def some_id(self, stream: str, rng: Random) -> int | None:
        """Return the id of one alive entity of a stream, if there is any."""
        known = self.collections[stream].ids if stream in self.collections else []
        return int(pick(rng, known)) if known else None

    def take_ids(self, stream: Stream, rng: Random, count: int, first: int = 0) -> list[int]:
        """Give out new ids of a stream: growing, with gaps."""
        given = []
        last = self.last_ids.get(stream.key, first - 1)
        for _ in range(count):
            last += 1 + int(rng.random() * 3)
            given.append(last)
        self.last_ids[stream.key] = last
        return given

    def person(self, rng: Random) -> User:
        """Return a user who does work; those switched off did some, too."""
        return pick(rng, self.users)

    def refresh(self, stream: Stream, row: Row) -> None:
        """Write the blocks of linked entities of a row anew."""
        linked = tuple(block(self.links, stream.name, int(row.id), to) for to in stream.linked)
        row.blocks = linked + row.blocks[len(linked) :]


def row(
    account: Account,
    stream: Stream,
    document: Json,
    path: str | None = None,
    *,
    embedded: str = "",
    blocks: tuple[bytes, ...] = (),
) -> Row:
    """Write a document as a row; `embedded` is the head of its `_embedded`, with a comma."""
    id_ = document["id"] if "id" in document else document["uid"]
    created: int = document.get("created_at", 0)
    link = wire.self_link(f"{stream.name}/{id_}" if path is None else path)
    core = f'{account.encode(document)[:-1]},"_links":{link}{embedded}'
    return Row(
        id=id_,
        created_at=created,
        updated_at=document.get("updated_at", created),
        facets=tuple([document.get(name) for name in stream.facets]),
        core=core.encode(),
        blocks=(b"",) * len(stream.linked) + blocks,
    )


def moments(rng: Random, now: int, count: int) -> list[int]:
    """Return moments of the history of the account in their order."""
    step = HISTORY_SECONDS / max(count, 1)
    start = now - HISTORY_SECONDS
    return [min(now - 120, int(start + step * (i + rng.random()))) for i in range(count)]


def later(rng: Random, moment: int, now: int) -> int:
    """Return a moment of a later change: soon after for most, long after for some."""
    return moment + int(rng.random() ** 6 * max(0, now - 60 - moment))
