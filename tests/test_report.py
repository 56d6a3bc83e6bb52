"""bin/report: what it shows is what the database says, and what people typed stays text."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from psycopg.conninfo import make_conninfo

from loader import db
from loader.chronicle import words
from loader.db import Connection, scalar
from sandbox import process
from tests.conftest import OWN_ACCOUNT, database, for_account
from tests.support import browser as browsers
from tests.support.browser import BINARY, DRIVER, PHONE, Browser
from tests.support.commands import ROOT, Commands
from tests.support.servers import Server
from tests.test_bad_input import assert_explains

CHANGES: tuple[dict[str, dict[str, int]], ...] = (
    {"update": {"leads": 9}, "insert": {"contacts": 4}},
    {"update": {"tasks": 5}, "insert": {"leads": 6}, "delete": {"leads": 3}},
)
HOSTILE = (
    "<script>alert(1)</script>",
    "</script><script>alert(2)</script>",
    "'><img src=x onerror=alert(3)>",
    '"><img src=x onerror=alert(4)>',
    "</style></svg><svg onload=alert(5)>",
    "{{ 7 * 7 }}{% include 'page.html' %}",
    "a\u202eevil\u2066\u200fb",
    "\\u0000 \\ud800 &lt;b&gt; ]]><!--",
)


@dataclass(frozen=True)
class Nights:
    """Three nights of an account that changed, the last one as a refresh."""

    commands: Commands
    connection: Connection
    leads: list[int]
    refresh_id: int

    def value(self, query: str) -> Any:
        return scalar(self.connection, query)


@pytest.fixture(scope="module")
def nights(server: Server, first_night_template: str) -> Iterator[Nights]:
    name = f"amo_report_{os.getpid()}"
    with (
        database(server, name, first_night_template) as dsn,
        process.start(*OWN_ACCOUNT) as account,
        db.connect(dsn, command="test") as connection,
    ):
        commands = for_account(dsn, account)
        leads = [account.entities["leads"]]
        for changes in CHANGES:
            account.control("mutate", changes)
            if "delete" in changes:
                fault = {"kind": "http_429", "path": "/api/v4/tasks", "times": 1}
                account.control("faults", {"faults": [fault]})
            commands.ok("load")
            commands.ok("transform")
            leads.append(account.control("entities")["leads"])
        yield Nights(commands, connection, leads, as_refresh(connection))


def as_refresh(connection: Connection) -> int:
    """Make the newest load and transform parts of a refresh."""
    refresh_id = scalar(
        connection,
        "INSERT INTO ops.runs (kind, mode, status, exit_code, started_at, finished_at)"
        " SELECT 'refresh', 'full', 'ok', 0, min(started_at), clock_timestamp()"
        " FROM (SELECT * FROM ops.runs ORDER BY id DESC LIMIT 2) AS run RETURNING id",
    )
    connection.execute(
        "UPDATE ops.runs SET refreshed_by = %s WHERE id IN (%s, %s)",
        (refresh_id, refresh_id - 1, refresh_id - 2),
    )
    return int(refresh_id)


@pytest.fixture(scope="module")
def page(nights: Nights, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return report(nights.commands, tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not (BINARY.exists() and DRIVER.exists()):
        pytest.skip("no Chromium: apt-get install chromium chromium-driver")
    with browsers.running() as running:
        yield running


def report(commands: Commands, folder: Path, *arguments: str) -> Path:
    file = folder / "report.html"
    commands.ok("report", *arguments, "-o", str(file))
    return file


def test_figures_are_those_of_the_database(nights: Nights) -> None:
    """Each counted another way than the report does."""
    found = nights.commands.ok("report", "--json").json

    run, ids = found["run"], "(SELECT max(id) FROM ops.runs WHERE kind = 'transform')"
    load = "(SELECT max(id) FROM ops.runs WHERE kind = 'load')"
    assert found["schema"] == "amo-report/1"
    assert run["refresh_id"] == nights.refresh_id
    assert run["rows_read"] == nights.value(
        f"SELECT sum(value) FROM ops.counters WHERE counter = 'staged' AND run_id = {ids}"
    )
    assert run["changed"] == nights.value(
        f"SELECT count(*) FROM amo.documents WHERE changed_run = {ids}"
    )
    assert run["deleted"] == 3
    assert run["requests"] == nights.value(
        f"SELECT requests FROM ops.run_metrics WHERE run_id = {load}"
    )
    assert run["answers_429"] == 1
    assert run["wal_bytes"] == sum(file["wal_bytes"] for file in found["files"])
    assert sum(stream["rows"] for stream in found["streams"]) == run["rows_read"]
    assert sum(stream["requests"] for stream in found["streams"]) == run["requests"]
    assert run["transform_seconds"] >= sum(file["seconds"] for file in found["files"]) - 0.01
    assert [row["documents"] for row in found["growth"] if row["entity"] == "leads"] == nights.leads
    assert found["rejects"][0]["all_kept"] == nights.value("SELECT count(*) FROM ops.rejects")
    companies = [each for each in found["duplicates"] if each["kind"] == "companies"]
    assert sum(each["members"] for each in companies) == nights.value(
        "SELECT count(*) FROM mart.duplicates"
    )


def test_every_part_names_its_run(nights: Nights) -> None:
    """The refresh, its load and its transform are one run; a load and its transform, too."""
    last = nights.refresh_id
    shown = {run_id: nights.commands.ok("report", str(run_id), "--json").json for run_id in (
        last, last - 1, last - 2, last - 3, last - 4,
    )}  # fmt: skip

    assert [shown[last - back]["run"]["id"] for back in (0, 1, 2)] == [last] * 3
    assert [shown[last - back]["run"]["id"] for back in (3, 4)] == [last - 3] * 2
    assert len(shown[last]["runs"]) == 3
    assert len(shown[last - 3]["runs"]) == 2
    assert len(nights.commands.ok("report", "--last", "1", "--json").json["runs"]) == 1
    leads = [row["documents"] for row in shown[last - 3]["growth"] if row["entity"] == "leads"]
    assert leads == nights.leads[:2]


def test_a_reader_may_ask(nights: Nights, server: Server) -> None:
    """A role that may write nothing gets the same figures."""
    role = f"amo_report_reader_{os.getpid()}"
    dsn = nights.commands.environment["AMO_DSN"]
    nights.connection.execute(f"CREATE ROLE {role}; GRANT pg_read_all_data TO {role}".encode())
    try:
        found = nights.commands.ok(
            "report", "--json", AMO_DSN=make_conninfo(dsn, options=f"-c role={role}")
        )
    finally:
        nights.connection.execute(f"DROP ROLE {role}".encode())

    assert found.json["runs"] == nights.commands.ok("report", "--json").json["runs"]


def test_the_page_shows_them(nights: Nights, page: Path, browser: Browser) -> None:
    """Tiles and table of runs, as text."""
    found = nights.commands.ok("report", "--json").json
    browser.open(page)

    run = found["run"]
    for name in ("rows_read", "changed", "rejected", "requests", "answers_429"):
        assert browser.text(f"#{name}") == words.number(run[name])
    assert browser.text("#wal_bytes") == words.size(run["wal_bytes"])
    assert browser.text("#seconds") == words.seconds(run["seconds"])
    assert browser.text("#rate") == words.rate(run["rate"])
    cells = browser.texts("#runs td")
    for place, each in enumerate(reversed(found["runs"])):
        row = cells[14 * place : 14 * place + 14]
        assert row[0] == str(each["id"])
        assert row[5:9] == [
            words.number(each[name]) for name in ("rows_read", "inserted", "updated", "deleted")
        ]
    assert browser.count("#streams tr") == 1 + len(found["streams"])
    assert browser.count("#files tr") == 1 + len(found["files"])


def test_charts_are_drawn(nights: Nights, page: Path, browser: Browser) -> None:
    """Every drawing has its size, and a mark for each row."""
    found = nights.commands.ok("report", "--json").json
    for width, name in ((browsers.DESK, "desk"), (PHONE, "phone")):
        browser.open(page, width)
        shown = "[...document.querySelectorAll('svg')].map(each => each.getBoundingClientRect())"
        boxes = [box for box in browser.ask(shown) if box["width"] or box["height"]]

        assert len(boxes) == 6
        assert all(box["width"] > 200 and box["height"] > 60 for box in boxes)
        marks = f".{name} .mark-rect.role-mark"
        read = [stream for stream in found["streams"] if stream["from_second"] is not None]
        assert browser.count(f"#timeline {marks}[class*=concat_1] path") == len(read)
        assert browser.count(f"#timeline {marks}[class*=concat_0] path") == len(found["requests"])
        assert browser.count(f"#changes {marks} path") == 3 * len(found["runs"])
        assert browser.count(f"#growth .{name} .mark-line path") == len(
            {row["entity"] for row in found["growth"]}
        )


@pytest.mark.parametrize("width", [browsers.DESK, PHONE])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_can_be_read(
    page: Path, browser: Browser, tmp_path: Path, width: int, scheme: str
) -> None:
    """On a phone and in the dark: enough contrast, nothing beside the screen, a quiet console."""
    browser.open(page, width, scheme)

    name = "phone" if width == PHONE else "desk"
    for selector, style in (
        ("body", "color"), ("figcaption", "color"), (".tiles dt", "color"), ("th", "color"),
        ("td .state", "color"), (f".{name} .role-axis-label text", "fill"),
        (f"#changes .{name} .role-mark text, #growth .{name} .role-mark text", "fill"),
    ):  # fmt: skip
        assert browser.contrast(selector, style) >= 4.5, selector
    assert browser.ask("innerWidth") == width
    root = "document.documentElement"
    assert browser.ask(f"{root}.scrollWidth <= {root}.clientWidth")
    browser.picture(tmp_path / "page.png")
    assert browser.complaints() == []


def test_it_asks_for_nothing(page: Path, browser: Browser) -> None:
    """No request but the one for the page, no script, and a policy that would not allow any."""
    browser.open(page)

    kinds = ("resource", "navigation")
    asked = [
        browser.ask("performance.getEntriesByType(arguments[0]).map(e => e.name)", kind)
        for kind in kinds
    ]
    assert asked == [[], [page.as_uri()]]
    policy = browser.ask("document.querySelector('meta[http-equiv]').content")
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert browser.count("script, img, iframe, object, embed, [style], [onload]") == 0
    # Applied: the style of the page has the hash that the policy names.
    assert browser.ask("getComputedStyle(document.querySelector('.tiles')).display") == "grid"
    assert page.stat().st_size < 1_000_000


def test_hostile_names_stay_text(
    loaded: Commands, connection: Connection, browser: Browser, tmp_path: Path
) -> None:
    """In rejects, messages and names of companies, whatever they hold."""
    browser.open(report(loaded, tmp_path))
    drawings = browser.count("svg")
    texts = list(HOSTILE)
    run_id = scalar(connection, "SELECT max(id) FROM ops.runs WHERE kind = 'load'")
    connection.execute("TRUNCATE ops.rejects")
    connection.execute(
        "INSERT INTO ops.rejects (run_id, stream, path, reason, raw)"
        " SELECT %s, 'leads', text, text, text FROM unnest(%s::text[]) AS text",
        (run_id, texts),
    )
    connection.execute("UPDATE ops.runs SET message = %s", ("".join(texts),))
    connection.execute(
        "UPDATE ops.run_streams SET status = 'failed', message = given.text FROM (SELECT stream,"
        " (%s::text[])[row_number() OVER (ORDER BY stream)] AS text FROM ops.run_streams"
        " WHERE run_id = %s) AS given WHERE run_streams.stream = given.stream"
        " AND given.text IS NOT NULL",
        (texts, run_id),
    )
    rename_companies(connection, texts)

    browser.open(report(loaded, tmp_path))

    assert browser.count("script, img, iframe, [onload], [onerror]") == 0
    assert browser.count("svg") == drawings
    assert sorted(browser.texts("#rejects .value")) == sorted(texts)
    assert sorted(browser.texts("#rejects td bdi:not(.value)")) == sorted(texts)
    assert sorted(browser.texts("#rejects th bdi")) == sorted(texts)
    assert sorted(browser.texts("#timeline bdi")) == sorted(texts)
    assert browser.texts(".message bdi") == ["".join(texts)]
    assert sorted(browser.texts("#clusters td:nth-child(3) bdi")) == sorted(texts)
    assert sorted(browser.texts("#clusters td:nth-child(5) bdi")) == sorted(texts)
    assert browser.complaints() == []


def rename_companies(connection: Connection, names: list[str]) -> None:
    """Two clusters of companies with these names, found by these values."""
    connection.execute("TRUNCATE amo.company_clusters")
    connection.execute(
        "WITH named AS (UPDATE amo.companies SET name = given.name FROM (SELECT id,"
        " (%(names)s::text[])[row_number() OVER (ORDER BY id)] AS name FROM amo.companies)"
        " AS given WHERE companies.id = given.id AND given.name IS NOT NULL"
        " RETURNING companies.account_id, companies.id, companies.name)"
        " INSERT INTO amo.company_clusters SELECT account_id, id, min(id) OVER halves,"
        " min(id) OVER halves, 'phone', name FROM named"
        " WINDOW halves AS (PARTITION BY name = any((%(names)s::text[])[1:4]))",
        {"names": names},
    )


def test_no_samples(loaded: Commands, connection: Connection, tmp_path: Path) -> None:
    """What people typed is in neither form of the report, also not where an error quotes it."""
    secret = 'Ivanova "Vanya" 42'
    connection.execute(
        "INSERT INTO ops.rejects (run_id, stream, path, reason, value, raw)"
        " SELECT max(id), 'leads', 'price', format('invalid input syntax for type bigint:"
        ' "%%s"\', %s::text), %s, to_json(%s::text) FROM ops.runs',
        (secret, secret, secret),
    )
    connection.execute("UPDATE ops.runs SET message = %s", (f"it begins with: {secret}",))
    connection.execute("UPDATE ops.run_streams SET message = %s", (secret,))
    rename_companies(connection, [secret, secret])

    for form in ([], ["--json"]):
        found = loaded.ok("report", *form, "-o", "-").out
        assert found.count("Ivanova") >= 4
        found = loaded.ok("report", *form, "--no-samples", "-o", "-").out
        assert "Ivanova" not in found
        assert "Vanya" not in found
        assert "invalid input syntax for type bigint" in found


def test_rate_and_its_limit(loaded: Commands, connection: Connection) -> None:
    """The share of the limit is that of ops.run_metrics, and stands on the page."""
    loaded.ok("load", "--stream", "leads", "--stream", "contacts", "--fresh", AMO_RATE="7")

    run = loaded.ok("report", "--json").json["run"]

    share = scalar(
        connection,
        "SELECT rate_share FROM ops.run_metrics ORDER BY run_id DESC LIMIT 1",
    )
    assert run["rate_share"] == pytest.approx(share)
    assert run["rate_limit"] == 7
    page = loaded.ok("report", "-o", "-").out
    assert f"{100 * share:.1f} % of the limit of 7/s" in page
    assert "No transform of this run has ended" in page


def test_nothing_to_show(commands: Commands, connection: Connection, empty_dsn: str) -> None:
    """An empty database is refused; one in which nothing has run yet, or not much, says so."""
    assert_explains(commands.run("report", AMO_DSN=empty_dsn), 58, "bin/load comes first")
    assert "Nothing has run yet" in commands.ok("report", "-o", "-").out
    assert commands.ok("report", "--json").json["run"] is None

    connection.execute("INSERT INTO ops.runs (kind, mode) VALUES ('load', 'full')")

    page = commands.ok("report", "-o", "-").out
    for sentence in (
        "still running", "No page of this run is in the ledger", "Of the load nothing is known",
        "No transform of this run has ended", "None of these runs has a transform",
        "ops.rejects is empty", "No transform up to this run has ended well",
        "bin/tune changed nothing", "None was found",
    ):  # fmt: skip
        assert sentence in page


def test_wrong_calls(commands: Commands, connection: Connection, tmp_path: Path) -> None:
    """A run that is not there, no number, no runs to show, a file that cannot be."""
    assert_explains(commands.run("report", "7"), 2, "there is no run 7", "nothing has run yet")
    connection.execute("INSERT INTO ops.runs (kind, mode) VALUES ('load', 'full')")
    assert_explains(commands.run("report", "7"), 2, "the newest one is 1", "ops.runs")
    for arguments in (["x"], ["0"], ["9" * 30], ["--last", "0"], ["1", "2"]):
        assert_explains(commands.run("report", *arguments), 2)

    lost = commands.run("report", "-o", str(tmp_path / "none" / "report.html"))
    assert_explains(lost, 2, "cannot be written")
    assert_explains(commands.run("report", "-o", str(tmp_path)), 2, "cannot be written")
    assert list(tmp_path.iterdir()) == []


def test_where_it_is_written(loaded: Commands, tmp_path: Path) -> None:
    """Into the current folder, in place of the one before, without a word to cron."""
    file = tmp_path / "amo-report.html"
    file.write_text("the one before", encoding="utf-8")

    done = subprocess.run(
        [ROOT / "bin" / "report"],
        cwd=tmp_path,
        env=loaded.full_environment(),
        capture_output=True,
        text=True,
        check=True,
    )

    assert (done.stdout, done.stderr) == ("", "")
    assert file.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert list(tmp_path.iterdir()) == [file]
    assert str(file.name) in loaded.ok("report", "-v", "-o", str(file)).err
