"""Live changes: rows, dates, events, links and the trash stay in step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.caller import Caller
from sandbox.process import SandboxError

NOW = 1_760_000_000


@pytest.fixture
def live(own: Callable[..., Caller]) -> Caller:
    return own()


def events(caller: Caller, kind: str, after: int = NOW) -> list[dict[str, Any]]:
    query = f"filter[type]={kind}&filter[created_at][from]={after}&limit=100"
    return caller.walk("events", query)


@pytest.mark.parametrize(
    "stream", ["leads", "contacts", "companies", "customers", "tasks", "leads/notes",
               "catalogs/2001/elements"],
)  # fmt: skip
def test_inserted_rows_are_new_and_whole(live: Caller, stream: str) -> None:
    """A new row has the greatest id and the date of now, and is in the list."""
    before = {key for key, _ in live.sandbox.truth(stream)}

    (new,) = live.mutate(insert={stream: 1})["insert"][stream]
    rows = {row["id"]: row for row in live.walk(stream)}

    assert new > max(before)
    assert rows[new]["updated_at"] >= NOW
    assert set(rows) == before | {new}


def test_update_moves_the_date_and_tells(live: Caller) -> None:
    """An updated lead has a new price and date, and an event with both prices."""
    (changed,) = live.mutate(update={"leads": 1})["update"]["leads"]

    lead = live.get(f"leads/{changed}").json()
    (event,) = events(live, "sale_field_changed")

    assert lead["updated_at"] >= NOW
    assert event["entity_id"] == changed
    assert event["value_after"] == [{"sale_field_value": {"sale": lead["price"]}}]


def test_update_can_set_keys(live: Caller) -> None:
    """Chosen keys of chosen rows are set as told, the date included."""
    ids = [row["id"] for row in live.items("contacts?limit=2")]

    live.mutate(update={"contacts": {"ids": ids, "set": {"name": "Ы", "updated_at": 5}}})

    rows = [live.get(f"contacts/{key}").json() for key in ids]
    assert [(row["name"], row["updated_at"]) for row in rows] == [("Ы", 5), ("Ы", 5)]


def test_deleted_lead_goes_to_the_trash(live: Caller) -> None:
    """It leaves the list and its contacts, shows as a stub, and raises an empty event."""
    lead = next(r for r in live.items("leads?with=contacts") if r["_embedded"]["contacts"])
    contact = lead["_embedded"]["contacts"][0]["id"]

    live.mutate(delete={"leads": [lead["id"]]})

    (event,) = events(live, "lead_deleted")
    linked = live.get(f"contacts/{contact}?with=leads").json()["_embedded"]["leads"]
    assert live.get(f"leads/{lead['id']}").status_code == 204
    assert lead["id"] in {stub["id"] for stub in live.items("leads?with=only_deleted")}
    assert (event["entity_id"], event["value_after"], event["value_before"]) == (lead["id"], [], [])
    assert lead["id"] not in {each["id"] for each in linked}


def test_restored_lead_is_as_before(live: Caller) -> None:
    """It comes back with its id, data and links, and a new date."""
    before = live.items("leads?limit=1&with=contacts")[0]
    lead = before["id"]

    live.mutate(delete={"leads": [lead]})
    live.mutate(restore={"leads": [lead]})

    after = live.get(f"leads/{lead}?limit=1&with=contacts&page=1").json()
    changed = {key for key in before if before[key] != after[key]}
    assert changed == {"updated_at"}
    assert [event["entity_id"] for event in events(live, "lead_restored")] == [lead]


def test_empty_trash_is_204(live: Caller) -> None:
    """When all is restored, only_deleted finds nothing rather than everything."""
    stubs = live.items("companies?with=only_deleted")

    live.mutate(restore={"companies": len(stubs)})

    assert live.get("companies?with=only_deleted").status_code == 204


@pytest.mark.parametrize(
    ("stream", "kind"), [("tasks", "task_deleted"), ("leads/notes", "common_note_deleted")]
)
def test_deleted_tasks_and_notes_just_vanish(live: Caller, stream: str, kind: str) -> None:
    """Only the event tells that they are gone (facts §7.1)."""
    (gone,) = live.mutate(delete={stream: 1})["delete"][stream]

    assert gone not in {row["id"] for row in live.walk(stream)}
    assert len(events(live, kind)) == 1


def test_merge_hides_the_loser(live: Caller) -> None:
    """The winner gets the links; no event, stub or row names the loser (facts §7.2)."""
    leads = [lead for lead in live.items("leads?limit=250&with=contacts")
             if lead["_embedded"]["contacts"]]  # fmt: skip
    winner, loser = (lead["_embedded"]["contacts"][0]["id"] for lead in leads[:2])

    live.mutate(merge={"contacts": [[winner, loser]]})

    (event,) = events(live, "entity_merged")
    heir = live.get(f"leads/{leads[1]['id']}?with=contacts").json()["_embedded"]["contacts"]
    trash = {stub["id"] for stub in live.items("contacts?with=only_deleted")}
    assert (event["entity_id"], event["value_after"]) == (winner, [])
    assert live.get(f"contacts/{loser}").status_code == 204
    assert winner in {each["id"] for each in heir}
    assert loser not in trash
    assert not any(each["entity_id"] == loser for each in events(live, "contact_deleted"))


def test_impossible_changes_are_refused(live: Caller) -> None:
    """Unknown verbs, streams and ids are told."""
    for wrong in (
        {"explode": {"leads": 1}},
        {"delete": {"leads": [1]}},
        {"insert": {"users": 1}},
        {"update": {"nothing": 1}},
        {"restore": {"leads": [1]}},
    ):
        with pytest.raises(SandboxError):
            live.mutate(**wrong)


def test_deletion_shifts_pages(live: Caller) -> None:
    """Paging by number over live data hides a row when one before it goes (facts §3.5)."""
    query = "leads?limit=50&order[id]=asc&page="
    first = live.items(f"{query}1")
    expected = live.items(f"{query}2")[0]["id"]

    live.mutate(delete={"leads": [first[0]["id"]]})

    assert expected not in {row["id"] for row in live.items(f"{query}2")}
    assert expected in {key for key, _ in live.sandbox.truth("leads")}


def test_scheduled_change_happens_in_the_middle(live: Caller) -> None:
    """The change comes after N requests, before the next one is answered."""
    live.sandbox.control("schedule", {"after_requests": 2, "mutate": {"insert": {"leads": 3}}})

    counts = [len(live.items("leads?limit=250")) for _ in range(4)]

    assert counts == [240, 240, 243, 243]


def test_settings_and_faults_can_be_scheduled(live: Caller) -> None:
    """Other things may happen in the middle, too."""
    schedule = {"after_requests": 1, "settings": {"credentials": "expired"}}
    live.sandbox.control("schedule", schedule)
    fault = {"after_requests": 0, "fault": {"kind": "http_500", "times": 1}}
    live.sandbox.control("schedule", fault)

    assert [live.get("account").status_code for _ in range(2)] == [500, 401]


def test_spoilt_rows_can_be_changed(own: Callable[..., Caller]) -> None:
    """A row with a number beyond float keeps it when its other keys change."""
    spoilt = own("--poison", "2")
    (stream, lead), *_ = spoilt.sandbox.control("poison")["huge_number"]

    spoilt.mutate(update={stream: {"ids": [lead], "set": {"name": "Ы"}}})

    assert '"price":1e400' in spoilt.get(f"leads/{lead}").text
