"""`bin/load --companies EXPR`: which companies are meant, as conditions and as a query.

Pure. A condition is a jsonpath on the document of a company. It is always applied, since
amoCRM passes over a paid filter without a word where the account does not have it; the query
only makes the answers shorter.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import reduce
from operator import and_

from loader.errors import UsageError
from loader.listings import BATCH, describe
from loader.pruning import Keep

FORMS = (
    "123,456 or id:123,456",
    "@FILE (- is stdin) or id:@FILE",
    "tag:NAME",
    "user:ID,ID",
    "field:ID=VALUE",
    "since:2026-11-01T10:00+03:00",
)

# A query may have some thousand characters (facts §1.7), and these are Cyrillic, six for one.
LONGEST_VALUE = 200

_ID = re.compile(r"[0-9]{1,18}")
_FIELD = re.compile(r"([0-9]{1,18})=(.+)", re.DOTALL)
_NUMBER = re.compile(r"-?[0-9]{1,18}([.][0-9]{1,18})?")
_MOMENT = re.compile(
    r"\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2})?(Z|[+-]\d{2}:\d{2})?)?", re.ASCII
)  # fmt: skip
_FLAGS = {"1": True, "true": True, "0": False, "false": False}

Field = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Selection:
    """Companies that match all of these. ids: None when they are not named by id."""

    terms: tuple[str, ...]  # one spelling for equal expressions
    ids: tuple[str, ...] | None
    users: tuple[int, ...]
    since: int | None  # updated_at, Unix seconds
    fields: tuple[Field, ...]
    keep: Keep | None  # all conditions but the ids

    def query(self, filterable: Collection[Field]) -> dict[str, str | Sequence[str]]:
        """Parameters of the paid filter; what they let pass is never less than what is kept.

        filterable: those of `fields` that amoCRM can filter by.
        """
        asked: dict[str, str | Sequence[str]] = {}
        if 0 < len(self.users) <= BATCH:
            asked["filter[responsible_user_id][]"] = [str(user) for user in self.users]
        if self.since is not None:
            # Whether the bound counts to the range is not documented (facts §3.3).
            asked["filter[updated_at][from]"] = str(self.since - 1)
        for field_id, value in self.fields:
            if (field_id, value) in filterable and len(value) <= LONGEST_VALUE:
                asked[f"filter[custom_fields_values][{field_id}][]"] = [value]
        return asked


def parse(expressions: Iterable[str], read: Callable[[str], str]) -> Selection:
    """What a list of expressions means together; `read` gives the text of a file of ids.

    Raises UsageError for an expression of no known form, and when nothing can match.
    """
    given: dict[str, list[str]] = {"id": [], "user": [], "since": [], "tag": [], "field": []}
    for expression in expressions:
        kind, value = _split(expression)
        given[kind].append(value)
    ids = _all_of([_ids(value, read) for value in given["id"]])
    users = _all_of([_numbers(f"user:{value}", value) for value in given["user"]])
    since = max((_moment(value) for value in given["since"]), default=None)
    tags = sorted(set(given["tag"]))
    fields = sorted({_field(value) for value in given["field"]})
    return Selection(
        terms=tuple(sorted(_spell(ids, users, since, tags, fields))),
        ids=None if ids is None else tuple(str(one) for one in sorted(ids)),
        users=tuple(sorted(users or ())),
        since=since,
        fields=tuple(fields),
        keep=_keep(users, since, tags, fields),
    )


def _split(expression: str) -> tuple[str, str]:
    text = expression.strip()
    if text.startswith("@") or _ID.match(text):
        return "id", text
    kind, _, value = text.partition(":")
    if kind not in ("id", "user", "since", "tag", "field") or not value.strip():
        raise _wrong(expression)
    try:
        value.encode()
    except UnicodeEncodeError as exc:
        raise _wrong(expression, "it is not UTF-8") from exc
    return kind, value.strip()


def _wrong(expression: str, why: str = "") -> UsageError:
    shown = expression if len(expression) <= 100 else f"{expression[:100]}…"
    return UsageError(
        "--companies does not say which companies",
        detail=repr(shown) + (f": {why}" if why else ""),
        hint="one of: " + "; ".join(FORMS) + ". Several --companies must all be true",
    )


def _ids(value: str, read: Callable[[str], str]) -> set[int]:
    if value.startswith("@"):
        return _numbers(value, read(value[1:]))
    return _numbers(value, value)


def _numbers(shown: str, text: str) -> set[int]:
    words = re.split(r"[\s,;]+", text.strip())
    if wrong := [word for word in words if word and not _ID.fullmatch(word)]:
        raise _wrong(shown, f"{wrong[0][:40]!r} is no id")
    if not (numbers := {int(word) for word in words if word}):
        raise _wrong(shown, "there is no id in it")
    return numbers


def _all_of(sets: Sequence[set[int]]) -> set[int] | None:
    """What is in each of the sets; None without any."""
    if not sets:
        return None
    if not (common := set.intersection(*sets)):
        raise UsageError(
            "no company can match all of --companies",
            detail="the ids of one exclude those of another",
            hint="several --companies must all be true; for one or the other: id:1,2 or user:1,2",
        )
    return common


def _moment(value: str) -> int:
    """Unix seconds; UTC where there is no zone."""
    try:
        if not _MOMENT.fullmatch(value):
            raise ValueError("not a time")
        moment = datetime.fromisoformat(value)
    except ValueError as exc:
        raise _wrong(f"since:{value}", str(exc)) from exc
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(1, int(moment.timestamp()))


def _field(value: str) -> Field:
    found = _FIELD.fullmatch(value)
    if found is None:
        raise _wrong(f"field:{value}", "field:ID=VALUE has the id of a custom field")
    return int(found[1]), found[2]


def _spell(
    ids: set[int] | None,
    users: set[int] | None,
    since: int | None,
    tags: Iterable[str],
    fields: Iterable[Field],
) -> Iterable[str]:
    if ids is not None:
        yield "id:" + describe([str(one) for one in sorted(ids)])
    if users is not None:
        yield "user:" + ",".join(str(one) for one in sorted(users))
    if since is not None:
        yield f"since:{datetime.fromtimestamp(since, UTC):%Y-%m-%dT%H:%M:%SZ}"
    yield from (f"tag:{tag}" for tag in tags)
    yield from (f"field:{field_id}={value}" for field_id, value in fields)


def _keep(
    users: set[int] | None, since: int | None, tags: Iterable[str], fields: Iterable[Field]
) -> Keep | None:
    keeps = []
    if users is not None:
        keeps.append(Keep("$.responsible_user_id ? (@ == $users[*])", {"users": sorted(users)}))
    if since is not None:
        keeps.append(Keep("$.updated_at ? (@ >= $since)", {"since": since}))
    for n, tag in enumerate(tags):
        keeps.append(Keep(f"$._embedded.tags[*] ? (@.name == $tag_{n})", {f"tag_{n}": tag}))
    keeps += [_keep_field(n, *field) for n, field in enumerate(fields)]
    return reduce(and_, keeps) if keeps else None


def _keep_field(n: int, field_id: int, value: str) -> Keep:
    """The text of a value; numbers, flags and the ids of options where it looks like one."""
    known: dict[str, object] = {f"field_{n}": field_id, f"text_{n}": value}
    conditions = [f"@.value == $text_{n}"]
    if _NUMBER.fullmatch(value):
        known[f"number_{n}"] = float(value) if "." in value else int(value)
        conditions += [f"@.value == $number_{n}", f"@.enum_id == $number_{n}"]
    if value in _FLAGS:
        known[f"flag_{n}"] = _FLAGS[value]
        conditions.append(f"@.value == $flag_{n}")
    return Keep(
        f"$.custom_fields_values[*] ? (@.field_id == $field_{n})"
        f".values[*] ? ({' || '.join(conditions)})",
        known,
    )
