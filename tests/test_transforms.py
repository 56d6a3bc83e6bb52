"""What the transforms make of documents: the newest wins, nothing is lost, sets are replaced."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from loader import sqlfiles, transform
from loader.db import Connection, scalar
from loader.errors import SqlError
from tests.support.psql import psql
from tests.support.staged import bring, counted, field_value, lead, stage_run


def column(connection: Connection, query: str) -> list[Any]:
    return [row[0] for row in connection.execute(query)]


def test_the_newest_version_wins(connection: Connection) -> None:
    """Of duplicates the newest updated_at, then the later page; the others are superseded."""
    stage_run(
        connection,
        [
            (
                "leads",
                [lead(1, name="old"), lead(2, name="page 1"), lead(3, updated_at=9, name="3")],
            ),
            ("leads", [lead(1, name="new", updated_at=1_700_000_001), lead(2, name="page 2")]),
            ("leads", [lead(1, name="older", updated_at=5), lead(3, updated_at=8, name="earlier")]),
        ],
    )

    transform.transform(connection)

    assert column(connection, "SELECT name FROM amo.leads ORDER BY id") == ["new", "page 2", "3"]
    assert counted(connection) == {
        "staged": 7,
        "inserted": 3,
        "superseded": 4,
        "updated": 0,
        "unchanged": 0,
        "rejected": 0,
    }


@pytest.mark.parametrize("table", [file.stem for file in sqlfiles.find("transforms/3_merge")])
def test_every_column_follows(connection: Connection, table: str) -> None:
    """Insert, then change every column: a merge that forgets one passes all other tests."""
    keys = column(
        connection,
        "SELECT attname FROM pg_index JOIN pg_attribute ON attrelid = indrelid"
        f" AND attnum = ANY (indkey) WHERE indrelid = 'amo.{table}'::regclass AND indisprimary",
    )
    columns = connection.execute(
        "SELECT attname, format_type(atttypid, NULL) FROM pg_attribute"
        f" WHERE attrelid = 'amo.{table}'::regclass AND attnum > 0 AND attname <> 'changed_at'"
    ).fetchall()
    merge = next(file for file in sqlfiles.find("transforms/3_merge") if file.stem == table)

    for version in (0, 1):
        values = [
            "'inn'" if name == "kind" and version == 0
            else "'kpp'" if name == "kind"
            else SAMPLES[str(kind)][0 if name in keys else version]
            for name, kind in columns
        ]  # fmt: skip
        names = ", ".join(str(name) for name, _ in columns)
        connection.execute(f"TRUNCATE staging.{table}")
        connection.execute(f"INSERT INTO staging.{table} ({names}) SELECT {', '.join(values)}")
        connection.execute(merge.text)

        merged = connection.execute(f"SELECT {names} FROM amo.{table}").fetchall()
        assert merged == connection.execute(f"SELECT {names} FROM staging.{table}").fetchall()


SAMPLES = {
    "bigint": ("1", "2"),
    "integer": ("1", "2"),
    "numeric": ("1.5", "2.5"),
    "text": ("'a'", "'b'"),
    "boolean": ("TRUE", "FALSE"),
    "jsonb": ("'[1]'::jsonb", "'[2]'::jsonb"),
    "timestamp with time zone": ("to_timestamp(1)", "to_timestamp(2)"),
}


def test_a_bad_value_costs_only_itself(connection: Connection) -> None:
    """The row stays, the value goes to ops.rejects with path, reason and raw JSON."""
    bring(
        connection,
        leads=[
            lead(1, price="much", created_at="yesterday", is_deleted={"a": 1}, status_id=142),
            lead(2, created_at=10**15, closed_at=10**30, score=1.5, price=10**40),
            lead(3, name=234, unknown_key=[1, 2], custom_fields_values=[], closest_task_at=None),
        ],
    )

    rejects = connection.execute(
        "SELECT entity_id, path, raw FROM ops.rejects ORDER BY entity_id, path"
    ).fetchall()
    assert rejects == [
        ("1", "created_at", '"yesterday"'),
        ("1", "is_deleted", '{"a": 1}'),
        ("1", "price", '"much"'),
        ("2", "closed_at", str(10**30)),
        ("2", "created_at", str(10**15)),
        ("2", "score", "1.5"),
    ]
    rows = connection.execute("SELECT id, name, status_id, price FROM amo.leads ORDER BY id")
    assert rows.fetchall() == [
        (1, "Сделка 1", 142, None),
        (2, "Сделка 2", None, 10**40),
        (3, "234", None, None),
    ]


def test_an_entity_without_a_usable_id_is_rejected_once(connection: Connection) -> None:
    """It cannot be a row; it is counted, kept raw, and noted once however often staging is read."""
    stage_run(connection, [("leads", [lead(1), {"name": "no id"}, lead(2) | {"id": "x"}])])

    transform.transform(connection)
    transform.transform(connection)

    assert column(connection, "SELECT id FROM amo.leads") == [1]
    noted = column(connection, "SELECT raw::jsonb ->> 'name' FROM ops.rejects ORDER BY id")
    assert sorted(noted) == ["no id", "Сделка 2"]


def test_links_in_hrefs_are_no_change(connection: Connection) -> None:
    """amoCRM echoes the page number in every link; a shifted page must not look like an edit."""

    def on_page(number: int) -> dict[str, Any]:
        links = {"self": {"href": f"https://a.amocrm.ru/api/v4/leads/1?page={number}"}}
        contact = {"id": 5, "is_main": True, "_links": links}
        return lead(1, _links=links, _embedded={"tags": [], "contacts": [contact]})

    bring(connection, leads=[on_page(1)])
    version = scalar(connection, "SELECT xmin::text FROM amo.documents")

    bring(connection, leads=[on_page(2)])

    assert scalar(connection, "SELECT xmin::text FROM amo.documents") == version
    changed = on_page(2)
    changed["_embedded"]["contacts"][0]["is_main"] = False
    bring(connection, leads=[changed])
    assert column(connection, "SELECT is_main FROM amo.links") == [False]


def test_custom_fields_of_every_kind(connection: Connection) -> None:
    """Text, number, time, flag, option, object: each value in the column of its type."""
    fields = [
        field_value(1, "text", "a"),
        field_value(2, "numeric", "14012.50"),
        field_value(3, "date", 1577836800),
        field_value(4, "birthday", "12.01.1980"),
        field_value(5, "checkbox", True),
        field_value(
            6,
            "multiselect",
            {"value": "x", "enum_id": 7, "enum_code": "X"},
            {"value": "y", "enum_id": 8, "enum": "Y"},
        ),
        field_value(9, "chained_list", {"catalog_id": 1, "catalog_element_id": 2}),
        field_value(10, "file", {"value": {"file_name": "a.pdf", "file_uuid": "u"}}),
        field_value(11, "numeric", "a lot"),
        field_value(12, "birthday", -100),
    ]

    bring(connection, leads=[lead(1, custom_fields_values=fields)])

    rows = connection.execute(
        "SELECT field_id, position, value, value_numeric::text, value_timestamp::text,"
        " value_boolean, value_json, enum_id, enum_code FROM amo.custom_field_values"
        " ORDER BY field_id, position"
    ).fetchall()
    none = (None,) * 6
    assert rows == [
        (1, 1, "a", *none),
        (2, 1, "14012.50", "14012.50", *none[1:]),
        (3, 1, "1577836800", None, "2020-01-01 00:00:00+00", *none[2:]),
        (4, 1, "12.01.1980", None, "1980-01-12 00:00:00+00", *none[2:]),
        (5, 1, "true", None, None, True, *none[3:]),
        (6, 1, "x", None, None, None, None, 7, "X"),
        (6, 2, "y", None, None, None, None, 8, "Y"),
        (9, 1, None, None, None, None, {"catalog_id": 1, "catalog_element_id": 2}, None, None),
        (10, 1, "a.pdf", None, None, None, {"file_name": "a.pdf", "file_uuid": "u"}, None, None),
        (11, 1, "a lot", *none),
        (12, 1, "-100", None, "1969-12-31 23:58:20+00", *none[2:]),
    ]
    assert column(connection, "SELECT path FROM ops.rejects") == ["custom_fields_values.11"]


def test_details_are_replaced_as_a_set(connection: Connection) -> None:
    """What an entity no longer has is gone; what stayed is not rewritten."""
    before = lead(
        1,
        custom_fields_values=[field_value(1, "multiselect", "a", "b"), field_value(2, "text", "t")],
        _embedded={"tags": [{"id": 1}, {"id": 2}], "contacts": [{"id": 5, "is_main": True}]},
    )
    other = lead(2, custom_fields_values=[field_value(1, "multiselect", "a")])
    bring(connection, leads=[before, other])
    version = scalar(
        connection, "SELECT xmin::text FROM amo.custom_field_values WHERE field_id = 2"
    )

    bring(
        connection,
        leads=[
            lead(
                1,
                custom_fields_values=[
                    field_value(1, "multiselect", "b"),
                    field_value(2, "text", "t"),
                ],
                _embedded={"tags": [{"id": 2}, {"id": 3}], "companies": [{"id": 6}]},
            ),
            other,
        ],
    )

    values = connection.execute(
        "SELECT entity_id, field_id, value FROM amo.custom_field_values ORDER BY 1, 2, position"
    ).fetchall()
    assert values == [(1, 1, "b"), (1, 2, "t"), (2, 1, "a")]
    assert column(connection, "SELECT tag_id FROM amo.entity_tags ORDER BY 1") == [2, 3]
    links = connection.execute("SELECT to_entity_type, to_entity_id FROM amo.links").fetchall()
    assert links == [("companies", 6)]
    assert version == scalar(
        connection, "SELECT xmin::text FROM amo.custom_field_values WHERE field_id = 2"
    )


def test_options_and_stages_that_vanish_are_kept(connection: Connection) -> None:
    """Old leads still name them: they are marked, and unmarked when they come back."""

    def field(*options: int) -> dict[str, Any]:
        enums = [{"id": n, "value": f"o{n}", "sort": n} for n in options]
        return {"id": 9, "name": "Стек", "type": "select", "enums": enums}

    query = "SELECT id FROM amo.custom_field_enums WHERE deleted_at IS NULL ORDER BY id"
    bring(connection, leads_custom_fields=[field(1, 2)])
    bring(connection, leads_custom_fields=[field(2, 3)])

    assert column(connection, query) == [2, 3]
    assert column(connection, "SELECT id FROM amo.custom_field_enums ORDER BY id") == [1, 2, 3]
    bring(connection, leads_custom_fields=[field(1, 2, 3)])
    assert column(connection, query) == [1, 2, 3]


@pytest.mark.parametrize(
    ("raw", "e164", "extension"),
    [
        ("8 (916) 123-45-67", "+79161234567", None),
        ("+7 916 123 45 67 доб. 12", "+79161234567", "12"),
        ("79161234567 ext 5", "+79161234567", "5"),
        ("9161234567", "+79161234567", None),
        ("+7 701 123 45 67", "+77011234567", None),
        (" 8-495-123-45-67,доб.101 ", "+74951234567", "101"),
        ("333", None, None),
        ("+49 30 123456", "+4930123456", None),
        ("тел. 8 916 123 45 67", "+79161234567", None),
        ("+8 916 123 45 67", None, None),
        ("", None, None),
    ],
)
def test_phones(connection: Connection, raw: str, e164: str | None, extension: str | None) -> None:
    """What can be dialled is normalised; all else keeps raw and is_valid false."""
    phone = field_value(1, "multitext", {"value": raw, "enum_code": "WORK"}, field_code="PHONE")

    bring(connection, contacts=[{"id": 1, "custom_fields_values": [phone]}])

    rows = connection.execute("SELECT raw, e164, extension, enum_code, is_valid FROM amo.phones")
    assert rows.fetchall() == [(raw, e164, extension, "WORK", e164 is not None)]


def test_files_of_a_step_do_not_depend_on_each_other(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Run backwards inside each step, they give the same rows."""
    entities = [lead(n, custom_fields_values=[field_value(1, "text", "a")]) for n in range(9)]
    stage_run(connection, [("leads", entities), ("tasks", [{"id": 1, "text": "call"}])])
    forward = sqlfiles.find

    def backwards(*folders: str) -> list[sqlfiles.SqlFile]:
        return [file for folder in folders for file in reversed(forward(folder))]

    monkeypatch.setattr(sqlfiles, "find", backwards)
    transform.transform(connection)

    assert scalar(connection, "SELECT count(*) FROM amo.leads") == 9
    assert scalar(connection, "SELECT count(*) FROM amo.custom_field_values") == 9
    assert scalar(connection, "SELECT count(*) FROM amo.tasks") == 1


def test_every_file_runs_by_hand(connection: Connection, dsn: str) -> None:
    """psql -X -1 -f of each file gives what bin/transform gives, and the checks find nothing."""
    stage_run(connection, [("leads", [lead(n) for n in range(3)])])

    for step in ("1_explode", "2_normalise", "3_merge", "4_derive", "4_mart"):
        for file in sqlfiles.find(f"transforms/{step}"):
            psql(dsn, file)

    assert scalar(connection, "SELECT count(*) FROM amo.leads") == 3
    for check in sqlfiles.find("checks"):
        assert "(0 rows)" in psql(dsn, check)
    assert scalar(connection, "SELECT mode FROM ops.runs WHERE kind = 'transform'") == "by hand"


def test_a_failed_check_rolls_back(connection: Connection) -> None:
    """Rows that cannot be accounted for must not be published."""
    stage_run(connection, [("leads", [lead(1), lead(2)])])
    connection.execute("UPDATE ops.pages SET rows = 3")

    with pytest.raises(SqlError, match="pages_staged"):
        transform.transform(connection)

    assert scalar(connection, "SELECT count(*) FROM amo.documents") == 0
    status = scalar(connection, "SELECT status FROM ops.runs WHERE kind = 'transform'")
    assert status == "failed"
    connection.execute("UPDATE ops.pages SET rows = 2")
    transform.transform(connection)
    assert scalar(connection, "SELECT count(*) FROM amo.leads") == 2


def test_a_changed_file_goes_through_all_documents(connection: Connection) -> None:
    """What an older version of a file made is made again, without a new load, and only that."""
    bring(connection, leads=[lead(1)], contacts=[{"id": 5, "name": "five"}])
    connection.execute("UPDATE amo.leads SET name = 'as an older file had it'")
    connection.execute("UPDATE amo.contacts SET name = 'made by no file'")
    connection.execute(
        "UPDATE ops.transforms SET checksum = 'older' WHERE name = 'transforms/3_merge/leads'"
    )

    transform.transform(connection)

    assert column(connection, "SELECT name FROM amo.leads") == ["Сделка 1"]
    assert column(connection, "SELECT name FROM amo.contacts") == ["made by no file"]


def test_work_of_a_killed_transform_is_taken_over(connection: Connection) -> None:
    """Step 1 run alone leaves documents ahead of their rows; the next transform catches up."""
    stage_run(connection, [("leads", [lead(1)])])
    connection.execute(sqlfiles.find("transforms/1_explode")[0].text)
    assert scalar(connection, "SELECT count(*) FROM amo.leads") == 0

    transform.transform(connection)

    assert scalar(connection, "SELECT count(*) FROM amo.leads") == 1


def test_rebuild_of_one_table_leaves_the_others_their_changes(connection: Connection) -> None:
    """What waits in staging goes on waiting, and is carried on for all tables afterwards."""
    bring(connection, contacts=[{"id": 5, "name": "old"}], leads=[lead(1)])
    transform.transform(connection)
    stage_run(connection, [("contacts", [{"id": 5, "name": "new"}])])

    transform.transform(connection, ["leads"])

    assert column(connection, "SELECT name FROM amo.contacts") == ["old"]
    transform.transform(connection)
    assert column(connection, "SELECT name FROM amo.contacts") == ["new"]


def test_a_new_file_sees_the_kept_documents(connection: Connection) -> None:
    """An upgrade that adds a table fills it from what was loaded before."""
    phone = field_value(1, "multitext", "89161234567", field_code="PHONE")
    bring(connection, contacts=[{"id": 1, "custom_fields_values": [phone]}])
    connection.execute("TRUNCATE amo.phones")
    connection.execute("DELETE FROM ops.transforms WHERE name LIKE '%/phones'")

    transform.transform(connection)

    assert column(connection, "SELECT e164 FROM amo.phones") == ["+79161234567"]


SAMPLE = {
    "id": 1,
    "name": "n",
    "flag": False,
    "list": [1, 2],
    "custom_fields_values": [{"field_id": 1, "values": [{"value": "a"}]}],
    "_embedded": {
        "users": [7, 8],
        "contacts": [{"id": 5, "is_main": True}, {"id": 6, "is_main": False}],
        "companies": [{"id": 9}],
        "source": {"id": 1, "name": "s"},
    },
}


def leaves(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Paths of all scalars."""
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else None
    )
    if items is None:
        return [path]
    return [leaf for key, inner in items for leaf in leaves(inner, (*path, key))]


@pytest.mark.parametrize("path", leaves(SAMPLE), ids=str)
def test_every_leaf_counts_in_the_hash(connection: Connection, path: tuple[Any, ...]) -> None:
    """A change anywhere but in links is a change."""
    changed = copy.deepcopy(SAMPLE)
    place: Any = changed
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = "changed"

    assert document_hash(connection, changed) != document_hash(connection, SAMPLE)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"contacts": [{"id": 5}], "companies": []}, {"contacts": [], "companies": [{"id": 5}]}),
        ({"users": []}, {"users": [7]}),
        ({"a": [1], "b": [2]}, {"a": [1, 2], "b": []}),
        ({"a": [1, 2]}, {"a": [2, 1]}),
        ({"a": [{"x": 1}]}, {"a": [{"y": 1}]}),
    ],
)
def test_moves_count_in_the_hash(connection: Connection, one: Any, other: Any) -> None:
    """The same things in another place are another document."""
    first, second = ({"id": 1, "_embedded": embedded} for embedded in (one, other))

    assert document_hash(connection, first) != document_hash(connection, second)


def document_hash(connection: Connection, document: Any) -> Any:
    return scalar(connection, "SELECT staging.document_hash(%s)", (json.dumps(document),))


@pytest.mark.parametrize(
    "value",
    ["\u200312", "\u300012", "\u00a012", "١٢", "9" * 2000, "1e99999", "12,5", "0x1F", "NaN"],
)
def test_a_strange_number_is_a_reject(connection: Connection, value: str) -> None:
    """What looks like a number to a locale but not to PostgreSQL must not stop the night."""
    bring(
        connection,
        leads=[
            lead(
                1,
                custom_fields_values=[
                    field_value(1, "numeric", {"value": value, "enum_id": value}),
                    field_value(2, "date", value),
                ],
            )
        ],
    )

    values = column(connection, "SELECT value FROM amo.custom_field_values ORDER BY field_id")
    assert values == [value, value]
    assert len(column(connection, "SELECT path FROM ops.rejects")) == 2


def test_hostile_documents(connection: Connection) -> None:
    """Whatever stands where something else belongs: the rows are there, the rest is noted."""
    stage_run(
        connection,
        [
            (
                "leads",
                [lead(1, custom_fields_values="text"), None, "s", 5, lead(2, _embedded=None)],
            ),
            ("leads", [lead(3, custom_fields_values=[1, {"field_id": 1, "values": ["plain", 7]}])]),
            ("leads", [lead(4, _embedded={"tags": {"id": 1}, "contacts": "x", "companies": [1]})]),
            ("contacts", [{"id": 1, "custom_fields_values": {"0": {"field_id": 1}}}]),
            ("pipelines", [{"id": 1, "name": "P", "_embedded": {"statuses": [None, {"id": 142}]}}]),
            ("leads_custom_fields", [{"id": 1, "name": "F", "enums": None}]),
        ],
    )

    transform.transform(connection)

    assert column(connection, "SELECT id FROM amo.leads ORDER BY id") == [1, 2, 3, 4]
    assert column(connection, "SELECT pipeline_id FROM amo.statuses") == [1]
    raws = column(connection, "SELECT raw FROM ops.rejects ORDER BY raw")
    assert raws == ['"plain"', '"s"', '"text"', '"x"', "1", "1", "5", "7", "null"]


def test_entries_without_an_id_are_rejected(connection: Connection) -> None:
    """What no row can be made of is noted with the list it stood in; its neighbours are kept."""
    odd = [{"id": 7}, {"name": "no id"}, {"id": 1.5}, {"id": 10**30}, {"id": None}, {"id": "8"}]
    stage_run(
        connection,
        [
            ("account", [{"id": 111, "_embedded": {"users_groups": odd, "task_types": odd}}]),
            ("pipelines", [{"id": 1, "_embedded": {"statuses": odd}}]),
            ("leads_custom_fields", [{"id": 1, "enums": odd}]),
            (
                "leads",
                [lead(1, _embedded={"tags": odd, "companies": odd, "contacts": [{"id": 9}]})],
            ),
        ],
    )

    transform.transform(connection)

    for table, key in (
        ("groups", "id"), ("task_types", "id"), ("statuses", "id"), ("custom_field_enums", "id"),
        ("entity_tags", "tag_id"),
    ):  # fmt: skip
        assert column(connection, f"SELECT {key} FROM amo.{table} ORDER BY 1") == [7, 8]
    assert column(connection, "SELECT to_entity_id FROM amo.links ORDER BY 1") == [7, 8, 9]
    rejected = connection.execute(
        "SELECT path, count(*) FROM ops.rejects WHERE reason ~ 'without a usable id'"
        " GROUP BY path ORDER BY path"
    ).fetchall()
    assert rejected == [
        ("_embedded.companies", 4), ("_embedded.statuses", 4), ("_embedded.tags", 4),
        ("_embedded.task_types", 4), ("_embedded.users_groups", 4), ("enums", 4),
    ]  # fmt: skip
