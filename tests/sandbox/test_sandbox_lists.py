"""Lists: paging, order, filters and blocks (facts §1.3, §3)."""

from __future__ import annotations

import json

import pytest

from sandbox.caller import Caller
from sandbox.query import php_tree
from sandbox.streams import STREAMS

LISTED = sorted(set(STREAMS) - {"talks"})


@pytest.mark.parametrize("stream", LISTED)
def test_pages_hold_every_row_once(api: Caller, stream: str) -> None:
    """Reading pages to the end yields what is alive, each row once."""
    truth = [key for key, _ in api.sandbox.truth(stream)]
    paged = STREAMS[stream].paged

    rows = api.walk(stream, "limit=7") if paged else api.items(stream)

    assert sorted(row.get("id") or row["uid"] for row in rows) == truth


def test_default_page_has_50_rows(api: Caller) -> None:
    """Without a limit a page has 50 rows, and `self` tells so."""
    answer = api.get("leads").json()

    assert len(answer["_embedded"]["leads"]) == 50
    assert answer["_links"]["self"]["href"].endswith("/api/v4/leads?page=1&limit=50")


def test_self_links_of_items_echo_the_query(api: Caller) -> None:
    """Items and embedded items repeat the query string of the list."""
    (lead,) = api.items("leads?with=contacts&limit=1&page=2")

    href = lead["_links"]["self"]["href"]

    assert href == (f"{api.sandbox.url}/api/v4/leads/{lead['id']}?with=contacts&limit=1&page=2")


def test_links_of_a_middle_page(api: Caller) -> None:
    """A page in the middle has self, next, first and prev."""
    links = api.get("contacts?limit=10&page=2").json()["_links"]

    assert list(links) == ["self", "next", "first", "prev"]
    assert links["next"]["href"].endswith("page=3")


def test_main_lists_have_no_totals(api: Caller) -> None:
    """Users and fields are counted, entities never (facts §1.3)."""
    assert "_total_items" not in api.get("leads").json()
    assert api.get("users").json()["_total_items"] == 14
    assert api.get("leads/custom_fields?limit=5").json()["_page_count"] > 1


@pytest.mark.parametrize(
    ("stream", "key"),
    [("leads", "created_at"), ("contacts", "updated_at"), ("tasks", "complete_till"),
     ("leads/notes", "updated_at")],
)  # fmt: skip
def test_order_is_kept(api: Caller, stream: str, key: str) -> None:
    """Lists are sorted by the keys that are allowed for them, both ways."""
    rising = [row[key] for row in api.walk(stream, f"limit=50&order[{key}]=asc")]
    falling = [row[key] for row in api.walk(stream, f"limit=50&order[{key}]=desc")]

    assert rising == sorted(rising)
    assert falling == rising[::-1]


def test_tasks_cannot_be_sorted_by_update(api: Caller) -> None:
    """An order that the list does not know is ignored (facts §3.4)."""
    rows = api.items("tasks?order[updated_at]=desc&limit=250")

    assert rows == sorted(rows, key=lambda row: row["id"])


def test_blocks_are_shown_when_asked_for(api: Caller) -> None:
    """`with` fills `_embedded`; tags and companies of leads are always in it."""
    plain = api.items("leads?limit=1")[0]
    full = api.items("leads?limit=1&with=contacts,catalog_elements,loss_reason,source")[0]

    assert list(plain["_embedded"]) == ["tags", "companies"]
    assert {"contacts", "catalog_elements", "source"} <= set(full["_embedded"])


def test_loss_reason_is_a_list_of_one(api: Caller) -> None:
    """The reason of loss is an array with one object (facts §5.8)."""
    leads = api.walk("leads", "with=loss_reason&limit=250")
    lost = [lead for lead in leads if lead["loss_reason_id"]]

    assert lost
    assert all(
        [reason["id"] for reason in lead["_embedded"]["loss_reason"]] == [lead["loss_reason_id"]]
        for lead in lost
    )


def test_links_agree_from_both_sides(api: Caller) -> None:
    """A lead names a contact, and the contact names the lead."""
    leads = api.walk("leads", "with=contacts&limit=250")
    contacts = api.walk("contacts", "with=leads&limit=250")

    there = {(lead["id"], c["id"]) for lead in leads for c in lead["_embedded"]["contacts"]}
    back = {(lead["id"], c["id"]) for c in contacts for lead in c["_embedded"]["leads"]}

    assert there == back
    assert there


def test_bulk_links_are_those_of_the_lists(api: Caller) -> None:
    """GET /leads/links names the same contacts and says which is the main one."""
    leads = api.items("leads?with=contacts&limit=20")
    ids = "&".join(f"filter[entity_id][]={lead['id']}" for lead in leads)

    links = api.items(f"leads/links?{ids}&filter[to_entity_type]=contacts")

    assert {(link["entity_id"], link["to_entity_id"], link["metadata"]["main_contact"])
            for link in links} == {(lead["id"], c["id"], c["is_main"])
                                   for lead in leads
                                   for c in lead["_embedded"]["contacts"]}  # fmt: skip


def test_bulk_links_need_entities(api: Caller) -> None:
    """Without entity_id the answer is a 400 that names the field."""
    answer = api.get("leads/links")

    assert answer.status_code == 400
    assert answer.json()["validation-errors"][0]["errors"][0]["path"] == "filter.entity_id"


def test_deleted_rows_are_stubs(api: Caller) -> None:
    """The trash shows five keys; all others are null (facts §7.1)."""
    stubs = api.items("leads?with=only_deleted")

    assert stubs
    for stub in stubs:
        full = {key for key, value in stub.items() if value is not None}
        assert full == {"id", "updated_by", "updated_at", "is_deleted", "account_id", "_links",
                        "_embedded"}  # fmt: skip
    assert not {stub["id"] for stub in stubs} & {key for key, _ in api.sandbox.truth("leads")}


def test_missing_entities_are_204_or_404(api: Caller) -> None:
    """A missing lead is an empty answer, a missing user is a problem (facts §1.4)."""
    assert [api.get(path).status_code for path in ("leads/1", "customers/1", "users/1")] == [
        204, 204, 404,
    ]  # fmt: skip


def test_unknown_route_is_a_problem(api: Caller) -> None:
    """There is no /notes, no list of talks, and no file but on the drive."""
    for path in ("notes", "talks", "files", "nonsense/5/notes"):
        answer = api.get(path)

        assert (answer.status_code, answer.headers["Content-Type"]) == (
            404,
            "application/problem+json",
        )
        assert answer.json()["detail"].startswith("Cannot GET ")


def test_page_zero_is_a_validation_error(api: Caller) -> None:
    """A page or limit that is no positive number is a 400."""
    assert [api.get(f"leads?{query}").status_code for query in ("page=0", "limit=many")] == [
        400, 400,
    ]  # fmt: skip


def test_filter_by_ids_in_all_spellings(api: Caller) -> None:
    """Brackets with and without numbers, and a bare value, name the same rows (facts §3.1)."""
    first, second = (row["id"] for row in api.items("companies?limit=2&order[id]=asc"))

    for query in (
        f"filter[id][]={first}&filter[id][]={second}",
        f"filter[id][0]={first}&filter[id][1]={second}&filter[id][2]=1",
    ):
        assert [row["id"] for row in api.items(f"companies?{query}")] == [first, second]
    assert [row["id"] for row in api.items(f"companies?filter[id]={second}")] == [second]


@pytest.mark.parametrize("stream", ["leads", "contacts", "companies", "tasks", "leads/notes"])
def test_filter_by_update_window(api: Caller, stream: str) -> None:
    """A window of updated_at has both of its ends."""
    truth = sorted(moment for _, moment in api.sandbox.truth(stream))
    low, high = truth[len(truth) // 3], truth[len(truth) // 2]
    window = f"filter[updated_at][from]={low}&filter[updated_at][to]={high}"

    rows = api.walk(stream, f"limit=50&{window}")

    assert len(rows) == sum(low <= moment <= high for moment in truth)


def test_filters_of_tasks_notes_and_events(api: Caller) -> None:
    """The other filters that a loader uses are honoured."""
    done = api.walk("tasks", "limit=250&filter[is_completed]=1")
    calls = api.walk("leads/notes", "limit=250&filter[note_type][]=call_in")
    on_lead = calls[0]["entity_id"]
    owner = done[0]["responsible_user_id"]

    assert {task["is_completed"] for task in done} == {True}
    assert {note["note_type"] for note in calls} == {"call_in"}
    assert calls[0] in [
        {**note, "_links": calls[0]["_links"]} for note in api.items(f"leads/{on_lead}/notes")
    ]
    assert {note["entity_id"] for note in api.items(f"leads/notes?filter[entity_id]={on_lead}")} \
        == {on_lead}  # fmt: skip
    assert {
        task["responsible_user_id"]
        for task in api.items(f"tasks?filter[responsible_user_id][]={owner}")
    } == {owner}
    kinds = "filter[type]=lead_added,contact_added&filter[entity]=lead"
    assert {event["type"] for event in api.items(f"events?{kinds}")} == {"lead_added"}


def test_filters_by_custom_field(api: Caller) -> None:
    """Text and numbers by value, options by id, flags by 1 and 0 (facts §3.3)."""
    rows = api.walk("companies")
    seen: dict[tuple[int, str, str], set[int]] = {}
    for row in rows:
        for entry in row["custom_fields_values"] or ():
            for value in entry["values"]:
                if entry["field_type"] in ("text", "numeric", "radiobutton", "checkbox"):
                    wanted = value["enum_id"] if "enum_id" in value else value["value"]
                    key = (entry["field_id"], entry["field_type"], json.dumps(wanted).strip('"'))
                    seen.setdefault(key, set()).add(row["id"])

    kinds = set()
    for (field_id, kind, wanted), ids in seen.items():
        if kind in kinds or not wanted.isascii():
            continue
        kinds.add(kind)
        text = {"true": "1", "false": "0"}.get(wanted, wanted)
        query = f"filter[custom_fields_values][{field_id}][]={text}&limit=250"
        assert {row["id"] for row in api.items(f"companies?{query}")} == ids, (kind, wanted)

    assert kinds == {"text", "numeric", "radiobutton", "checkbox"}
    # Phones cannot be filtered by, and what the account has not paid for is ignored.
    assert len(api.items("companies?filter[custom_fields_values][520001][]=7&limit=250")) == 60
    api.set(filter_package=False)
    assert len(api.items(f"companies?{query}")) == 60


def test_what_hangs_on_entities_is_found_by_them(api: Caller) -> None:
    """Tasks by entity_type and entity_id, notes by a list of entity_id (facts §3.3)."""
    tasks = [task for task in api.walk("tasks") if task.get("entity_type") == "leads"]
    owners = {task["entity_id"] for task in tasks[:5]}
    ids = "&".join(f"filter[entity_id][]={owner}" for owner in owners)

    found = api.items(f"tasks?filter[entity_type]=leads&{ids}")
    notes = api.walk("leads/notes", f"limit=250&{ids}")

    assert {task["entity_id"] for task in found} == owners
    assert {task["id"] for task in found} == {t["id"] for t in tasks if t["entity_id"] in owners}
    assert {note["id"] for note in notes} == {
        note["id"] for note in api.walk("leads/notes") if note["entity_id"] in owners
    }
    api.set(ignored_filters="tasks,leads/notes")
    assert len(api.items(f"tasks?filter[entity_type]=leads&{ids}&limit=250")) > len(found)


def test_event_filters_are_checked(api: Caller) -> None:
    """entity_id wants exactly one entity, and at most ten ids (facts §1.7)."""
    many = "&".join(f"filter[entity_id][]={i}" for i in range(11))

    assert api.get("events?filter[entity_id][]=1").status_code == 400
    assert api.get(f"events?filter[entity]=lead&{many}").status_code == 400


def test_tags_are_found_by_name(api: Caller) -> None:
    """The filter of tags is an exact name; case matters."""
    assert [tag["name"] for tag in api.items("leads/tags?filter[name]=vip")] == ["vip"]


def test_query_finds_text(api: Caller) -> None:
    """`query` looks into names without regard to case."""
    company = next(row for row in api.items("companies?limit=250") if "ООО" in row["name"])
    word = company["name"].split()[-1].strip('«»“”"')

    found = {row["id"] for row in api.items(f"companies?query={word.upper()}&limit=250")}

    assert company["id"] in found
    assert len(found) < 60


def test_query_finds_phones_by_digits(api: Caller) -> None:
    """A phone is found by its digits, however it was typed (facts §3.1)."""
    contact, phone = next(
        (row["id"], value["values"][0]["value"])
        for row in api.items("contacts?limit=250")
        for value in row["custom_fields_values"] or ()
        if value["field_code"] == "PHONE" and value["values"][0]["value"].startswith("8 (")
    )
    digits = "".join(filter(str.isdecimal, phone))[1:8]

    found = {row["id"] for row in api.items(f"contacts?query={digits}&limit=250")}

    assert contact in found
    assert len(found) < 240


def test_php_brackets_become_a_tree() -> None:
    """Empty brackets number themselves, as in PHP."""
    pairs = (("filter[id][]", "1"), ("filter[id][]", "2"), ("filter[t][from]", "3"), ("page", "4"))

    assert php_tree(pairs) == {
        "filter": {"id": {"0": "1", "1": "2"}, "t": {"from": "3"}},
        "page": "4",
    }
