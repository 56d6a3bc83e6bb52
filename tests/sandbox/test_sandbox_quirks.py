"""Each switch of the account changes what it says, and nothing breaks when it goes back."""

from __future__ import annotations

import pytest
import requests

from sandbox.caller import Caller
from sandbox.process import SandboxError


def test_next_links_can_lie_both_ways(api: Caller) -> None:
    """`next` is right, always there, or always missing."""
    last = "leads?limit=250&page=1"
    seen = {}
    for mode in ("correct", "always", "missing"):
        api.set(next_links=mode)
        seen[mode] = ["next" in api.get(path).json()["_links"] for path in ("leads", last)]

    assert seen == {"correct": [True, False], "always": [True, True], "missing": [False, False]}


def test_natural_next_links_follow_each_list(api: Caller) -> None:
    """Tags always have `next`, catalog elements never (facts §1.7, §5.18)."""
    assert "next" in api.get("leads/tags?limit=250").json()["_links"]
    assert "next" not in api.get("catalogs/2001/elements?limit=5").json()["_links"]
    assert "next" not in api.get("leads?limit=250").json()["_links"]


def test_early_204_comes_once_a_page(api: Caller) -> None:
    """A page after the first is empty when first asked, and right the second time."""
    api.set(early_204=1.0)

    statuses = [api.get(f"leads?limit=50&page={page}").status_code for page in (1, 2, 2, 3, 3)]

    assert statuses == [200, 204, 200, 204, 200]


def test_without_the_package_filters_are_ignored(api: Caller) -> None:
    """The four main lists come whole, the account says so, tasks still filter (facts §3.2)."""
    first = api.items("leads?limit=1")[0]["id"]
    task = api.items("tasks?limit=1")[0]["id"]
    api.set(filter_package=False)

    assert len(api.items(f"leads?filter[id][]={first}&limit=250")) > 200
    assert len(api.items(f"tasks?filter[id][]={task}")) == 1
    assert api.get("account?with=is_api_filter_enabled").json()["is_api_filter_enabled"] is False


def test_events_over_their_limit_fall_back(api: Caller) -> None:
    """250 events are 50 under the limit of 100, and more under that of 250 (facts §1.7)."""
    short = len(api.items("events?limit=250"))
    api.set(events_limit=250)

    assert (short, len(api.items("events?limit=250")) > 100) == (50, True)


@pytest.mark.parametrize(
    ("mode", "status", "rows"), [("clamp", 200, 240), ("fallback", 200, 50), ("error", 400, 0)]
)
def test_limit_over_the_largest(api: Caller, mode: str, status: int, rows: int) -> None:
    """A limit over 250 is cut, falls back to 50, or is an error."""
    api.set(over_max=mode)

    answer = api.get("leads?limit=500")

    assert answer.status_code == status
    assert len(answer.json().get("_embedded", {}).get("leads", [])) == rows


@pytest.mark.parametrize("answer", ["204", "402", "422"])
def test_customers_can_be_off(api: Caller, answer: str) -> None:
    """All lists of customers answer alike, and the account says they are disabled."""
    api.set(customers_answer=answer)

    statuses = {api.get(p).status_code for p in ("customers", "customers/notes", "customers/tags")}

    assert statuses == {int(answer)}
    assert api.get("account").json()["customers_mode"] == "disabled"


def test_customer_statuses_need_periodicity(api: Caller) -> None:
    """With segments on there are no statuses (facts §5.12)."""
    api.set(customers_mode="segments")

    assert api.get("customers/statuses").status_code == 422
    assert api.get("customers/segments").status_code == 200


def test_plain_users_see_less(api: Caller) -> None:
    """A token without rights gets 403 on four lists and silently fewer rows elsewhere."""
    api.set(admin=False)

    statuses = {api.get(p).status_code for p in ("users", "roles", "webhooks", "sources")}
    leads = api.walk("leads", "limit=250")

    assert statuses == {403}
    assert 0 < len(leads) < 240
    assert {lead["group_id"] for lead in leads} == {leads[0]["group_id"]}


def test_rights_can_be_missing_for_one_stream(api: Caller) -> None:
    """One list is denied by a problem document; others go on."""
    api.set(denied="leads/notes,catalogs")

    answer = api.get("leads/notes")

    assert (answer.status_code, answer.json()["status"]) == (403, 403)
    assert api.get("leads/40000001/notes").status_code == 403
    assert api.get("leads").status_code == 200


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_heavy_pages_fail(api: Caller, status: int) -> None:
    """A limit above the threshold fails, a smaller one is served (facts §9.30)."""
    api.set(heavy_limit=100, heavy_status=status)

    assert [api.get(f"leads?limit={n}").status_code for n in (250, 100)] == [status, 200]


def test_links_can_name_another_host(api: Caller) -> None:
    """Self and next links name a shard, not the host that was asked."""
    api.set(link_host="https://shard151.amocrm.ru")

    page = api.get("leads?limit=1").json()

    assert page["_links"]["next"]["href"].startswith("https://shard151.amocrm.ru/api/v4/leads?")
    assert api.sandbox.url not in str(page)


def test_calls_can_be_redirected(api: Caller) -> None:
    """Every call is sent to another host; a client must not follow with its token."""
    api.set(redirect_to="http://other.invalid")

    answer = api.get("account?with=version")

    assert answer.status_code == 301
    assert answer.headers["Location"] == "http://other.invalid/api/v4/account?with=version"


def test_account_id_can_change(api: Caller) -> None:
    """Account and entities show another account id."""
    api.set(shown_account_id=5)

    assert api.get("account").json()["id"] == 5
    assert {row["account_id"] for row in api.items("contacts")} == {5}


@pytest.mark.parametrize("state", ["expired", "revoked"])
def test_token_can_die(api: Caller, state: str) -> None:
    """A dead token is a 401 that tells why."""
    api.set(credentials=state)

    answer = api.get("account")

    assert (answer.status_code, state in answer.json()["detail"]) == (401, True)


def test_calls_need_a_token(api: Caller) -> None:
    """No token and a wrong token are a 401 problem document."""
    for headers in ({"Authorization": ""}, {"Authorization": "Bearer wrong"}):
        answer = api.get("leads", headers=headers)

        assert answer.status_code == 401
        assert answer.headers["Content-Type"] == "application/problem+json"


def test_unknown_keys_can_appear(api: Caller) -> None:
    """Pages and entities get keys that nobody has heard of (facts §9.27)."""
    api.set(extra_keys=True)

    page = api.get("leads?limit=1&with=is_price_modified_by_robot").json()

    assert page["sandbox_flag"] is True
    assert page["_embedded"]["leads"][0]["sandbox_more"]["empty"] == []


def test_latency_is_added(api: Caller) -> None:
    """Answers come no sooner than the least latency."""
    api.set(latency="0.2:0.3")

    assert api.get("account").elapsed.total_seconds() >= 0.2


def test_only_reading_is_served(api: Caller) -> None:
    """Other methods are not allowed."""
    answer = api.session.post(f"{api.sandbox.url}/api/v4/leads", json=[], timeout=5)

    assert answer.status_code == 405


def test_settings_are_checked(api: Caller) -> None:
    """A wrong name, type or choice changes nothing and is told."""
    for wrong in ({"rat": 1}, {"admin": 1}, {"next_links": "never"}, {"latency": "soon"}):
        with pytest.raises(SandboxError):
            api.set(events_limit=250, **wrong)

    assert api.sandbox.control("settings")["events_limit"] == 100


@pytest.mark.parametrize(
    ("kind", "status", "content"),
    [
        ("http_500", 500, "application/problem+json"),
        ("http_502", 502, "text/html"),
        ("http_504", 504, "text/html"),
        ("http_402", 402, "application/problem+json"),
        ("http_429", 429, "application/problem+json"),
        ("429_html", 429, "text/html"),
        ("403_html", 403, "text/html"),
        ("html_200", 200, "text/html"),
        ("early_204", 204, None),
    ],
)
def test_faults_answer_in_place_of_the_api(
    api: Caller, kind: str, status: int, content: str | None
) -> None:
    """Each fault has its status and its kind of body."""
    api.fault(kind=kind, times=1)

    answer = api.get("leads")

    assert (answer.status_code, answer.headers.get("Content-Type")) == (status, content)
    assert api.get("leads").status_code == 200


def test_faults_strike_where_they_should(api: Caller) -> None:
    """Path, page, number of strikes and of requests to let pass are all kept."""
    api.fault(kind="http_500", path="/api/v4/leads", page=3, times=2, skip=1)
    paths = ("leads?page=3", "leads?page=2", "contacts?page=3", "leads?page=3", "leads?page=3",
             "leads?page=3")  # fmt: skip

    assert [api.get(path).status_code for path in paths] == [200, 200, 200, 500, 500, 200]


def test_faults_can_wait_for_large_limits(api: Caller) -> None:
    """A fault may strike large pages only."""
    api.fault(kind="http_504", limit_above=100)

    assert [api.get(f"leads?limit={n}").status_code for n in (100, 101)] == [200, 504]


def test_body_can_be_truncated(api: Caller) -> None:
    """The answer is whole HTTP and half JSON."""
    api.fault(kind="truncated", times=1)

    answer = api.get("leads")

    assert answer.status_code == 200
    with pytest.raises(requests.exceptions.JSONDecodeError):
        answer.json()


@pytest.mark.parametrize("kind", ["cut", "reset"])
def test_connection_can_break(api: Caller, kind: str) -> None:
    """The server hangs up in the middle of the body, or before it."""
    api.fault(kind=kind, times=1)

    with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.ConnectionError)):
        api.get("leads?limit=250")

    assert api.get("leads").status_code == 200


def test_one_answer_can_be_slow(api: Caller) -> None:
    """A fault may hold one answer back."""
    api.fault(kind="slow", seconds=0.3, times=1)

    assert api.get("account").elapsed.total_seconds() >= 0.3


def test_unknown_faults_are_refused(api: Caller) -> None:
    """A fault of an unknown kind or with an unknown key is not taken."""
    for wrong in ({"kind": "http_999"}, {"kind": "reset", "pages": 1}):
        with pytest.raises(SandboxError):
            api.fault(**wrong)
