"""bin/load --companies: the companies that match and what is linked to them, nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from loader.db import Connection, scalar
from sandbox import process
from sandbox.caller import Caller, caller
from sandbox.process import Sandbox
from tests.conftest import for_account
from tests.support.commands import Commands
from tests.support.servers import Server
from tests.support.waiting import reconnect, wait_for_pages

FOUR = ("companies", "contacts", "leads", "customers")
LINKED = FOUR[1:]
STREAMS = (*FOUR, "tasks", *(f"{entity}_notes" for entity in FOUR))


@dataclass(slots=True)
class Truth:
    """What the account has, by the ids of companies."""

    api: Caller
    companies: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.companies = self.api.walk("companies", "limit=250&with=contacts,leads,customers")

    def ids(self, matches: Callable[[dict[str, Any]], bool]) -> list[int]:
        return sorted(company["id"] for company in self.companies if matches(company))

    def of(self, wanted: list[int]) -> dict[str, list[int]]:
        """Ids of all that a load of these companies must bring, and nothing more, by stream."""
        chosen = [company for company in self.companies if company["id"] in wanted]
        found = {"companies": sorted(wanted)}
        for entity in LINKED:
            linked = (item["id"] for company in chosen for item in company["_embedded"][entity])
            found[entity] = sorted(set(linked))
        owners = {(entity, id_) for entity in FOUR for id_ in found[entity]}
        found["tasks"] = sorted(
            task["id"]
            for task in self.api.walk("tasks")
            if (task.get("entity_type"), task.get("entity_id")) in owners
        )
        for entity in FOUR:
            notes = self.api.walk(f"{entity}/notes")
            found[f"{entity}_notes"] = sorted(
                note["id"] for note in notes if (entity, note["entity_id"]) in owners
            )
        return found


@pytest.fixture(scope="module")
def truth(account: Sandbox) -> Iterator[Truth]:
    """Of the account that nobody changes."""
    api = caller(account)
    yield Truth(api)
    api.session.close()


@pytest.fixture
def own_truth(own_account: Sandbox) -> Iterator[Truth]:
    """Of the account of this test."""
    api = caller(own_account)
    yield Truth(api)
    api.session.close()


def staged(connection: Connection) -> dict[str, list[int]]:
    """Ids of everything in staging but the account, by stream."""
    found: dict[str, list[int]] = {stream: [] for stream in STREAMS}
    rows = connection.execute(
        "SELECT page.stream, (item ->> 'id')::bigint FROM staging.pages AS page"
        " JOIN ops.streams AS stream ON stream.name = page.stream CROSS JOIN LATERAL"
        " jsonb_array_elements(staging.page_items(page.body, stream.embedded_key)) AS item"
        " WHERE page.stream <> 'account' ORDER BY 2"
    )
    for stream, id_ in rows:
        found[stream].append(id_)
    return found


def kept(connection: Connection) -> dict[str, list[int]]:
    """Ids of all documents but the account, by stream."""
    found: dict[str, list[int]] = {stream: [] for stream in STREAMS}
    rows = connection.execute(
        "SELECT stream, id::bigint FROM amo.documents WHERE stream <> 'account' ORDER BY 2"
    )
    for stream, id_ in rows:
        found[stream].append(id_)
    return found


def assert_only(connection: Connection, expected: dict[str, list[int]]) -> None:
    """Typed tables and details hold these entities and no others."""
    for stream in (*FOUR, "tasks"):
        rows = connection.execute(f"SELECT id FROM amo.{stream} ORDER BY id").fetchall()
        assert [id_ for (id_,) in rows] == expected[stream], stream
    rows = connection.execute("SELECT entity_type, id FROM amo.notes ORDER BY id").fetchall()
    assert sorted(rows) == sorted(
        (entity, id_) for entity in FOUR for id_ in expected[f"{entity}_notes"]
    )
    owners = {(entity, id_) for entity in FOUR for id_ in expected[entity]}
    for table in ("custom_field_values", "phones", "emails", "entity_tags", "links"):
        held = connection.execute(f"SELECT DISTINCT entity_type, entity_id FROM amo.{table}")
        assert set(held.fetchall()) <= owners, table


def requests_of(account: Sandbox) -> dict[str, int]:
    """How often each list was asked for, whatever its ids."""
    return {
        path.removeprefix("/api/v4/"): count for path, count in account.stats()["by_path"].items()
    }


def pages(count: int, size: int) -> int:
    return -(-count // size)


def values(company: dict[str, Any], field_id: int) -> Iterator[Any]:
    for entry in company["custom_fields_values"] or ():
        if entry["field_id"] == field_id:
            yield from entry["values"]


def expressions(truth: Truth) -> dict[str, tuple[list[str], list[int]]]:
    """Expressions and the companies they mean, drawn from the account itself."""
    some = truth.companies[:20:4]
    ids = sorted(company["id"] for company in some)
    owner = truth.companies[0]["responsible_user_id"]
    moments = sorted(company["updated_at"] for company in truth.companies)
    since = moments[-15]
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(since))
    tag = next(t["name"] for c in truth.companies for t in c["_embedded"]["tags"])
    select, option = next(
        (entry["field_id"], value)
        for company in truth.companies
        for entry in company["custom_fields_values"] or ()
        for value in entry["values"]
        if entry["field_type"] in ("select", "radiobutton", "multiselect")
    )
    inn, number = next(
        (entry["field_id"], value["value"])
        for company in truth.companies
        for entry in company["custom_fields_values"] or ()
        for value in entry["values"]
        if entry["field_name"] == "ИНН" and value["value"].isdecimal()
    )
    tagged = truth.ids(lambda c: tag in [t["name"] for t in c["_embedded"]["tags"]])
    owned = truth.ids(lambda c: c["responsible_user_id"] == owner)
    changed = truth.ids(lambda c: c["updated_at"] >= since)
    return {
        "ids": ([",".join(map(str, ids))], ids),
        "tag": ([f"tag:{tag}"], tagged),
        "user": ([f"user:{owner}"], owned),
        "since": ([f"since:{at}"], changed),
        "option by id": (
            [f"field:{select}={option['enum_id']}"],
            truth.ids(lambda c: option["enum_id"] in [v["enum_id"] for v in values(c, select)]),
        ),
        "option by text": (
            [f"field:{select}={option['value']}"],
            truth.ids(lambda c: option["value"] in [v["value"] for v in values(c, select)]),
        ),
        "text": (
            [f"field:{inn}={number}"],
            truth.ids(lambda c: number in [v["value"] for v in values(c, inn)]),
        ),
        "all of them": (
            [f"since:{at}", f"user:{owner}"],
            sorted(set(changed) & set(owned)),
        ),
        "ids and more": (
            [",".join(map(str, ids)), f"since:{at}"],
            sorted(set(ids) & set(changed)),
        ),
    }


KINDS = ["ids", "tag", "user", "since", "option by id", "option by text", "text", "all of them",
         "ids and more"]  # fmt: skip


@pytest.mark.parametrize("has_filter", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_else_is_loaded(
    commands: Commands,
    account: Sandbox,
    truth: Truth,
    connection: Connection,
    kind: str,
    has_filter: bool,
) -> None:
    """Neither staging nor amo.* has anything of other companies, whatever is filtered."""
    asked, companies = expressions(truth)[kind]
    account.control("settings", {"filter_package": has_filter})
    try:
        commands.ok("load", *(word for one in asked for word in ("--companies", one)))
    finally:
        account.control("settings", {"filter_package": True})
    commands.ok("transform")

    expected = truth.of(companies)
    assert kind == "ids and more" or companies
    assert len(companies) < len(truth.companies)
    assert staged(connection) == expected
    assert kept(connection) == expected
    assert_only(connection, expected)


def test_requests(
    own_commands: Commands, own_account: Sandbox, own_truth: Truth, connection: Connection
) -> None:
    """Few, by 50 ids and by 200, of everything that they could be asked for together."""
    companies = sorted(company["id"] for company in own_truth.companies)[:120]
    expected = own_truth.of(companies)
    own_account.control("reset-stats", {})

    own_commands.ok("load", "--companies", ",".join(map(str, companies)))
    asked = requests_of(own_account)

    assert staged(connection) == expected
    counts = {entity: len(expected[entity]) for entity in FOUR}
    assert {entity: asked.get(entity, 0) for entity in FOUR} == {
        entity: pages(count, 50) for entity, count in counts.items()
    }
    assert asked["tasks"] == sum(pages(count, 50) for count in counts.values())
    for entity, count in counts.items():
        batches = pages(count, 200)
        # A full page is followed by a look at the next one.
        assert (
            batches
            <= asked.get(f"{entity}/notes", 0)
            <= batches + 2 * (len(expected[f"{entity}_notes"]) // 250 + 1)
        )
    assert set(asked) == {"account", *FOUR, "tasks", *(f"{entity}/notes" for entity in FOUR)}
    # The account is asked first and alone.
    assert sum(asked.values()) < 1 + 0.06 * sum(counts.values()) + 16


def test_companies_without_the_paid_filter(
    own_commands: Commands, own_account: Sandbox, own_truth: Truth
) -> None:
    """What changed is read newest first down to the moment, everything else as a whole list."""
    own_account.control("settings", {"filter_package": False})
    moments = sorted(company["updated_at"] for company in own_truth.companies)
    newest = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moments[-3]))
    own_account.control("reset-stats", {})

    own_commands.ok("load", "--companies", f"since:{newest}")
    by_time = requests_of(own_account)["companies"]
    own_account.control("reset-stats", {})
    own_commands.ok("load", "--companies", "tag:vip")
    by_tag = requests_of(own_account)["companies"]

    assert by_time == 1
    assert by_tag == 2


def test_whole_lists_where_they_are_shorter(
    own_commands: Commands, own_account: Sandbox, own_truth: Truth, connection: Connection
) -> None:
    """Without the paid filter each id is a request: more of them than pages are not asked for
    one by one, but what slipped through between two pages is."""
    own_commands.ok("load")
    own_account.control("settings", {"filter_package": False})
    companies = sorted(company["id"] for company in own_truth.companies)[100:140]
    expected = own_truth.of(companies)
    others = sorted({id_ for id_, _ in own_account.truth("leads")} - set(expected["leads"]))
    # The first pages lose rows when the later ones are still to come.
    for step, after in enumerate((6, 9, 12, 15)):
        gone = others[40 * step : 40 * step + 40]
        own_account.control(
            "schedule", {"after_requests": after, "mutate": {"delete": {"leads": gone}}}
        )
    connection.execute("TRUNCATE staging.pages")

    before = requests_of(own_account)
    own_commands.ok("load", "--companies", ",".join(map(str, companies)))
    asked = {name: n - before.get(name, 0) for name, n in requests_of(own_account).items()}

    found = {stream: sorted(set(ids)) for stream, ids in staged(connection).items()}
    assert found == expected
    by_id = {name: n for name, n in asked.items() if n and name.rpartition("/")[2].isdecimal()}
    assert 0 < len(by_id) <= 80
    assert {name.partition("/")[0] for name in by_id} == {"leads"}
    assert asked["companies"] <= 3
    assert asked["contacts"] <= 7


def test_a_full_load_finds_the_same(
    own_commands: Commands, own_truth: Truth, connection: Connection
) -> None:
    """The documents have one hash, whichever way they came: nothing is written twice."""
    companies = sorted(company["id"] for company in own_truth.companies)[::3]
    own_commands.ok("load", "--companies", ",".join(map(str, companies)))
    own_commands.ok("transform")
    before = hashes(connection)
    assert len(before) > 5 * len(companies)
    # The ids of what is linked are not in the companies, those of a query in no link.
    links = scalar(connection, "SELECT count(*) FROM amo.documents WHERE doc::text ~ '[?]filter'")
    blocks = connection.execute(
        "SELECT DISTINCT jsonb_object_keys(doc -> '_embedded') FROM amo.documents"
        " WHERE stream = 'companies' ORDER BY 1"
    ).fetchall()

    own_commands.ok("load")
    own_commands.ok("transform")
    after = hashes(connection)
    own_commands.ok("load", "--companies", ",".join(map(str, companies)))
    again = own_commands.ok("transform", "--json").json

    assert {key: after[key] for key in before} == before
    assert links == 0
    assert blocks == [("catalog_elements",), ("customers",), ("tags",)]
    assert scalar(connection, "SELECT count(*) FROM ops.counters WHERE counter = 'updated'"
                  " AND value > 0") == 0  # fmt: skip
    assert (again["inserted"], again["updated"], again["deleted"]) == (0, 0, 0)


def hashes(connection: Connection) -> dict[tuple[str, str], int]:
    rows = connection.execute("SELECT stream, id, hash, changed_run FROM amo.documents")
    return {(stream, id_): (hash_, run) for stream, id_, hash_, run in rows}  # type: ignore[misc]


def test_nothing_is_concluded_from_it(
    own_commands: Commands, own_account: Sandbox, own_truth: Truth, connection: Connection
) -> None:
    """No watermark moves, nothing counts as read whole, nothing as deleted."""
    own_commands.ok("load")
    own_commands.ok("transform")
    marks = connection.execute("SELECT * FROM ops.watermarks ORDER BY stream").fetchall()
    some = own_truth.companies[0]["id"]
    own_account.control("mutate", {"delete": {"contacts": 5, "leads": 5, "companies": 5}})

    own_commands.ok("load", "--companies", str(some))
    own_commands.ok("transform")

    assert connection.execute("SELECT * FROM ops.watermarks ORDER BY stream").fetchall() == marks
    last = "(SELECT max(id) FROM ops.runs WHERE kind = 'load')"
    rows = connection.execute(
        f"SELECT stream, status, is_whole, watermark FROM ops.run_streams WHERE run_id = {last}"
    ).fetchall()
    assert {stream for stream, *_ in rows} == {"account", *STREAMS}
    assert {tuple(row[1:]) for row in rows if row[0] != "account"} == {("complete", False, None)}
    assert scalar(connection, "SELECT count(*) FROM ops.deletions") == 0
    assert scalar(connection, "SELECT count(*) FROM amo.leads WHERE deleted_at IS NOT NULL") == 0


def test_ids_that_do_not_exist(commands: Commands, truth: Truth, connection: Connection) -> None:
    """A warning that names them, and exit 0; not of those that only do not match the rest."""
    first, second = (company["id"] for company in truth.companies[:2])
    tags = [tag["name"] for tag in truth.companies[0]["_embedded"]["tags"]]

    result = commands.ok("load", "--companies", f"{first},{second},1,999")
    quiet = commands.ok("load", "--companies", f"{first},{second}", "--companies", "tag:no such")
    both = commands.ok("load", "--companies", f"{first},5", "--companies", "tag:no such")

    assert "no such companies: 1, 999\n" in result.err
    assert quiet.err == ""
    assert "no such companies: 5\n" in both.err
    assert "no such" not in tags
    rows = connection.execute(
        "SELECT entity_id FROM ops.selected WHERE stream = 'companies' AND is_wanted"
    ).fetchall()
    assert sorted(rows) == sorted([(first,), (second,)])


@pytest.mark.parametrize("has_filter", [True, False])
def test_ids_from_a_file_and_stdin(
    commands: Commands, account: Sandbox, truth: Truth, tmp_path: Any, has_filter: bool
) -> None:
    """One id a line, a byte order mark, commas; both forms continue one another."""
    ids = [company["id"] for company in truth.companies[:3]]
    file = tmp_path / "ids.txt"
    file.write_text("\ufeff" + "\n".join(map(str, ids)) + "\n", encoding="utf-8")
    account.control("settings", {"filter_package": has_filter})
    try:
        summary = commands.ok("load", "--json", "--companies", f"@{file}").json
    finally:
        account.control("settings", {"filter_package": True})

    rows = {stream["stream"]: stream["rows"] for stream in summary["streams"]}
    assert rows["companies"] == 3
    missing = commands.run("load", "--companies", f"@{tmp_path / 'nothing'}")
    assert missing.code == 2
    assert "HINT: " in missing.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--companies", "ООО"], "does not say which companies"),
        (["--companies", "tag:a", "--stream", "leads"], "a load of its own"),
        (["--companies", "tag:a", "--mode", "incremental"], "a load of its own"),
        (["--companies", "1", "--companies", "2"], "no company can match"),
        (["--companies", "@-"], "there is no id in it"),
    ],
)
def test_wrong_calls(commands: Commands, arguments: list[str], said: str) -> None:
    """Exit 2, before anything is asked."""
    result = commands.run("load", *arguments)

    assert result.code == 2
    assert said in result.err
    assert "HINT: " in result.err


def test_kill_9(
    own_commands: Commands, own_account: Sandbox, own_truth: Truth, connection: Connection
) -> None:
    """The same expression goes on, in any spelling; what is committed is not asked for again."""
    companies = sorted(company["id"] for company in own_truth.companies)[:150]
    own_account.control("settings", {"latency": "0.2:0.4"})
    load = own_commands.start("load", "--companies", ",".join(map(str, companies)))
    wait_for_pages(connection, 12)
    load.kill()
    load.communicate()
    time.sleep(0.5)  # the killed client's backends notice within client_connection_check_interval
    known = int(str(scalar(connection, "SELECT sum(requests) FROM ops.pages")))
    own_account.control("settings", {"latency": "0:0"})
    own_account.control("reset-stats", {})

    backwards = ",".join(map(str, reversed(companies)))
    summary = own_commands.ok("load", "--json", "--companies", f"id:{backwards}").json
    asked = own_account.stats()["requests"]

    assert summary["resumed"] is True
    assert staged(connection) == own_truth.of(companies)
    every = int(str(scalar(connection, "SELECT sum(requests) FROM ops.pages")))
    # Those that the ledger did not have, and the account, which is always asked.
    assert asked == every - known + 1
    own_commands.ok("transform")
    assert kept(connection) == own_truth.of(companies)


def test_another_expression_is_another_load(
    own_commands: Commands, own_account: Sandbox, own_truth: Truth, connection: Connection
) -> None:
    """Neither continues nor gives up what was begun by others, but for a load of everything."""
    ids = [str(company["id"]) for company in own_truth.companies]
    own_account.control("settings", {"latency": "0.2:0.4"})
    for arguments in (["--stream", "leads"], ["--companies", ",".join(ids[:100])]):
        before = int(str(scalar(connection, "SELECT count(*) FROM ops.pages")))
        load = own_commands.start("load", *arguments)
        wait_for_pages(connection, before + 3)
        load.terminate()
        load.communicate()
    own_account.control("settings", {"latency": "0:0"})

    other = own_commands.ok("load", "--json", "--companies", ",".join(ids[:2])).json
    statuses = connection.execute("SELECT status FROM ops.runs ORDER BY id").fetchall()
    same = own_commands.ok("load", "--json", "--companies", ",".join(ids[:100])).json
    own_commands.ok("load")

    assert other["resumed"] is False
    assert statuses == [("interrupted",), ("interrupted",), ("ok",)]
    assert same["resumed"] is True
    assert connection.execute("SELECT status FROM ops.runs ORDER BY id").fetchall() == [
        ("abandoned",), ("ok",), ("ok",), ("ok",),
    ]  # fmt: skip


def test_a_crash_of_the_server(
    server: Server, own_commands: Commands, own_account: Sandbox, own_truth: Truth, dsn: str
) -> None:
    """Staging is lost: what was chosen is chosen anew, by what amoCRM says then."""
    if server.kill is None:
        pytest.skip("AMO_TEST_DSN: its processes are not ours to kill")
    owner = own_truth.companies[0]["responsible_user_id"]
    own_commands.ok("load", "--companies", f"user:{owner}")
    with reconnect(dsn) as victim:
        server.kill(victim.info.backend_pid)
    given = own_truth.ids(lambda c: c["responsible_user_id"] == owner)[0]
    own_account.control(
        "mutate", {"update": {"companies": {"ids": [given], "set": {"responsible_user_id": 1}}}}
    )
    with reconnect(dsn) as connection:
        resumed = own_commands.ok("load", "--json", "--companies", f"user:{owner}").json
        own_commands.ok("transform")

        assert resumed["resumed"] is True
        rest = own_truth.ids(lambda c: c["responsible_user_id"] == owner)[1:]
        assert kept(connection) == own_truth.of(rest)


def test_the_paid_filter_is_ignored(
    own_commands: Commands, own_account: Sandbox, own_truth: Truth, connection: Connection
) -> None:
    """The account says that it has it, and the answers are not filtered."""
    for kind in ("ids", "since", "user", "ids and more"):
        asked, companies = expressions(own_truth)[kind]
        own_account.control("settings", {"filter_package": True, "ignored_filters": ",".join(FOUR)})
        connection.execute("TRUNCATE staging.pages")

        own_commands.ok("load", *(word for one in asked for word in ("--companies", one)))

        # The page that showed it brought some of them already.
        found = {stream: sorted(set(ids)) for stream, ids in staged(connection).items()}
        assert found == own_truth.of(companies), kind


def test_a_free_filter_is_ignored(
    own_commands: Commands, own_account: Sandbox, own_truth: Truth, connection: Connection
) -> None:
    """Tasks and notes of everybody come: none of others is kept, the streams fail."""
    company = own_truth.companies[0]["id"]
    own_account.control("settings", {"ignored_filters": "tasks,contacts/notes"})

    result = own_commands.run("load", "--companies", str(company))

    assert result.code == 20
    assert "2 of 9 streams failed" in result.err
    assert "amoCRM ignores the filter of tasks" in result.err
    assert "bin/load --companies … --resume" in result.err
    found, expected = staged(connection), own_truth.of([company])
    for stream in STREAMS:
        assert set(found[stream]) <= set(expected[stream]), stream
    own_account.control("settings", {"ignored_filters": ""})
    own_commands.ok("load", "--companies", str(company), "--resume")
    assert staged(connection) == expected


def test_customers_switched_off(
    own_commands: Commands, own_account: Sandbox, own_truth: Truth
) -> None:
    """Their list is skipped, as in any load."""
    own_account.control("settings", {"customers_answer": "402"})
    with_customer = own_truth.ids(lambda c: bool(c["_embedded"]["customers"]))[0]

    summary = own_commands.ok("load", "--json", "--companies", str(with_customer)).json

    status = {stream["stream"]: stream["status"] for stream in summary["streams"]}
    assert status["customers"] == "skipped"
    assert status["contacts"] == status["tasks"] == "complete"


def test_one_pace_for_all_of_it(dsn: str) -> None:
    """Several at a time, and seven in a second; test_rate.py has the limit to the letter."""
    flags = ["--companies", "120", "--seed", "7", "--latency", "0.8:1.2"]
    with process.start(*flags) as account:
        for_account(dsn, account).ok("load", "--companies", "since:2020-01-01", AMO_RATE="7")
        stats = account.stats()

    assert stats["max_in_one_second"] <= 8
    assert stats["max_in_flight"] >= 4
    assert stats["requests"] / (stats["last_arrival"] - stats["first_arrival"]) < 7.2
