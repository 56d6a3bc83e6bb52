"""--companies EXPR: what it means, in one spelling, and what is no expression."""

from __future__ import annotations

import json

import pytest

from loader.db import Connection, scalar
from loader.errors import UsageError
from loader.pruning import Keep
from loader.selection import LONGEST_VALUE, Selection, parse

FILES = {"ids": "\n3\n1, 2\n\n2;1\n", "-": "9 8\n", "empty": " \n", "names": "1\nООО\n"}

COMPANY = {
    "id": 5,
    "responsible_user_id": 7,
    "updated_at": 1_700_000_000,
    "custom_fields_values": [
        {
            "field_id": 1,
            "values": [{"value": "Москва", "enum_id": 77}, {"value": "2024", "enum_id": 78}],
        },
        {"field_id": 2, "values": [{"value": True}]},
        {"field_id": 3, "values": [{"value": 12.5}, {"value": 1_600_000_000}]},
        {"field_id": 4, "values": [{"value": {"vat_id": "7700000000"}}, {"catalog_id": 1}]},
    ],
    "_embedded": {"tags": [{"id": 1, "name": "vip"}, {"id": 2, "name": 'a "b" $c & d'}]},
}


def chosen(*expressions: str) -> Selection:
    return parse(expressions, FILES.__getitem__)


def matches(connection: Connection, keep: Keep | None, company: object = COMPANY) -> bool:
    assert keep is not None
    return bool(
        scalar(
            connection,
            "SELECT jsonb_array_length(staging.kept_items("
            "jsonb_build_array(%s::jsonb), %s::jsonpath, %s::jsonb)) = 1",
            (json.dumps(company), keep.path, json.dumps(keep.vars)),
        )
    )


@pytest.mark.parametrize(
    ("expression", "ids"),
    [
        ("12", ("12",)),
        ("3, 1,2", ("1", "2", "3")),
        ("id:10,9", ("9", "10")),
        ("@ids", ("1", "2", "3")),
        ("id:@ids", ("1", "2", "3")),
        ("@-", ("8", "9")),
    ],
)
def test_ids(expression: str, ids: tuple[str, ...]) -> None:
    """Ascending and each once, so that a continued load asks for the same pieces."""
    assert chosen(expression).ids == ids


@pytest.mark.parametrize(
    ("moment", "seconds"),
    [
        ("2026-11-01", 1_793_491_200),
        ("2026-11-01T10:00", 1_793_527_200),
        ("2026-11-01T10:00:30", 1_793_527_230),
        ("2026-11-01T10:00Z", 1_793_527_200),
        ("2026-11-01T10:00+03:00", 1_793_516_400),
    ],
)
def test_moments(moment: str, seconds: int) -> None:
    """UTC, unless a zone is given."""
    assert chosen(f"since:{moment}").since == seconds


@pytest.mark.parametrize(
    "expression",
    ["", " ", "12x", "12,x", "id:", "id:x", "@empty", "id:@names", "tag:", "tag: ", "name:ООО",
     "user:Анна", "user:", "field:12", "field:x=1", "field:=1", "field:12=", "since:",
     "since:yesterday", "since:2026-13-01", "since:2026-11-01T10", "since:2026-11-01 10:00",
     "since:20261101", "since:2026-11-01Z", "tag:\udcff", "12345678901234567890"],
)  # fmt: skip
def test_what_is_no_expression(expression: str) -> None:
    """Exit 2, and all forms in the HINT."""
    with pytest.raises(UsageError) as caught:
        chosen(expression)

    assert caught.value.exit_code == 2
    assert "field:ID=VALUE" in caught.value.hint


def test_what_excludes_itself() -> None:
    """All must be true: ids and users in common."""
    assert chosen("1,2", "2,3").ids == ("2",)
    for both in (("1", "2"), ("user:1", "user:2")):
        with pytest.raises(UsageError, match="no company can match"):
            chosen(*both)


@pytest.mark.parametrize(
    "expressions",
    [
        ("2,1", "tag:x", "user:4,3", "since:2026-11-01T03:00+03:00", "field:5= a"),
        ("field:5= a", "since:2026-11-01", "user:3,4,4", "id:1,2,2", "tag:x", "tag:x"),
    ],
)
def test_one_spelling(expressions: tuple[str, ...]) -> None:
    """A load is continued by what means the same."""
    terms = chosen(*expressions).terms

    assert terms[0] == "field:5= a"
    assert terms[1].startswith("id:1 and 1 more, ")
    assert terms[2:] == ("since:2026-11-01T00:00:00Z", "tag:x", "user:3,4")


def test_many_ids_are_spelled_shortly() -> None:
    """But not alike."""
    first = chosen(",".join(map(str, range(1, 5000)))).terms
    second = chosen(",".join(map(str, [*range(1, 4999), 7000]))).terms

    assert len(first[0]) < 60
    assert first != second


@pytest.mark.parametrize(
    ("expressions", "is_kept"),
    [
        (["tag:vip"], True),
        (["tag:VIP"], False),
        (['tag:a "b" $c & d'], True),
        (["tag:vi"], False),
        (["user:7"], True),
        (["user:8,7"], True),
        (["user:8"], False),
        (["since:2023-11-14T22:13:20"], True),
        (["since:2023-11-14T22:13:21"], False),
        (["field:1=Москва"], True),
        (["field:1=Мос"], False),
        (["field:1=77"], True),
        (["field:1=2024"], True),
        (["field:2=Москва"], False),
        (["field:2=1"], True),
        (["field:2=true"], True),
        (["field:2=0"], False),
        (["field:3=12.5"], True),
        (["field:3=1600000000"], True),
        (["field:4=7700000000"], False),
        (["tag:vip", "user:7", "since:2020-01-01", "field:1=77", "field:2=1"], True),
        (["tag:vip", "user:7", "since:2020-01-01", "field:1=77", "field:2=0"], False),
        (["tag:vip", 'tag:a "b" $c & d'], True),
        (["tag:vip", "tag:x"], False),
        (["field:1=77", "field:1=78"], True),
    ],
)
def test_conditions(connection: Connection, expressions: list[str], is_kept: bool) -> None:
    """They are PostgreSQL's to decide."""
    assert matches(connection, chosen(*expressions).keep) is is_kept


@pytest.mark.parametrize(
    "company",
    [{}, {"custom_fields_values": None, "_embedded": []}, {"custom_fields_values": [{}, 1, None]},
     {"_embedded": {"tags": [None, {"name": None}]}, "updated_at": "soon"}, 7, None],
)  # fmt: skip
def test_odd_companies_do_not_match(connection: Connection, company: object) -> None:
    """What is not there, or of another shape, is no match and no error."""
    for expression in ("tag:x", "user:7", "since:2020-01-01", "field:1=1"):
        assert not matches(connection, chosen(expression).keep, company)


def test_the_paid_filter_lets_pass_what_is_kept() -> None:
    """Only what amoCRM understands; a second too much, since its bounds are not documented."""
    selection = chosen("user:7,8", "since:2026-11-01", "tag:x", "field:1=a", "field:2=b")

    assert selection.query({(1, "a")}) == {
        "filter[responsible_user_id][]": ["7", "8"],
        "filter[updated_at][from]": "1793491199",
        "filter[custom_fields_values][1][]": ["a"],
    }
    assert chosen("tag:x").query(set()) == {}
    long = "Ж" * (LONGEST_VALUE + 1)
    assert chosen(f"field:1={long}").query({(1, long)}) == {}
    assert chosen("user:" + ",".join(map(str, range(60)))).query(set()) == {}


def test_what_amocrm_can_filter_by(connection: Connection) -> None:
    """An option by its id, not by its text; nothing of what is not known."""
    connection.execute(
        "INSERT INTO amo.custom_fields (account_id, entity_type, id, type, deleted_at) VALUES"
        " (1, 'companies', 1, 'text', NULL), (1, 'companies', 2, 'select', NULL),"
        " (1, 'companies', 3, 'numeric', NULL), (1, 'companies', 4, 'multitext', NULL),"
        " (1, 'companies', 5, 'checkbox', NULL), (1, 'leads', 6, 'text', NULL),"
        " (2, 'companies', 7, 'text', NULL), (1, 'companies', 8, 'text', now())"
    )
    connection.execute(
        "INSERT INTO amo.custom_field_enums (account_id, entity_type, field_id, id, value) VALUES"
        " (1, 'companies', 2, 77, 'Москва'), (1, 'companies', 2, 78, '77'),"
        " (1, 'companies', 2, 79, 'Тверь')"
    )
    asked = [(1, "a"), (2, "Москва"), (2, "77"), (2, "79"), (2, "80"), (3, "12.5"), (3, "x"),
             (4, "7"), (5, "1"), (5, "yes"), (6, "a"), (7, "a"), (8, "a"), (9, "a")]  # fmt: skip

    rows = connection.execute(
        "SELECT field_id, value FROM ops.filterable_fields(1, %s::bigint[], %s::text[])",
        ([field_id for field_id, _ in asked], [value for _, value in asked]),
    ).fetchall()

    # 77 is the id of an option and the text of another one.
    assert sorted(rows) == [(1, "a"), (2, "79"), (3, "12.5"), (5, "1")]
