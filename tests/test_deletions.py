"""What vanished from amoCRM is marked, once asked for by id, and never too much of it."""

from __future__ import annotations

import pytest

from loader import sqlfiles, transform
from loader.db import Connection, scalar
from sandbox.process import Sandbox
from tests.support.commands import Commands
from tests.support.staged import bring, lead, stage_run


def live(connection: Connection, table: str) -> list[int]:
    rows = connection.execute(f"SELECT id FROM amo.{table} WHERE deleted_at IS NULL")
    return sorted(number for (number,) in rows)


def truth(account: Sandbox, stream: str) -> list[int]:
    return sorted(number for number, _ in account.truth(stream))


@pytest.mark.parametrize("has_filter", [True, False])
def test_deleted_merged_and_restored(
    first_night: Commands, own_account: Sandbox, connection: Connection, has_filter: bool
) -> None:
    """Soft, with the data kept; a restored one is alive again. Without the paid filter too."""
    own_account.control("settings", {"filter_package": has_filter})
    own_account.control(
        "mutate", {"delete": {"leads": 7, "contacts": 3}, "merge": {"companies": 2}}
    )
    names = scalar(connection, "SELECT count(*) FROM amo.leads WHERE name IS NOT NULL")

    first_night.ok("load")
    first_night.ok("transform")

    for stream in ("leads", "contacts", "companies"):
        assert live(connection, stream) == truth(own_account, stream)
    assert scalar(connection, "SELECT count(*) FROM amo.leads WHERE deleted_at IS NOT NULL") == 7
    assert scalar(connection, "SELECT count(*) FROM amo.leads WHERE name IS NOT NULL") == names
    own_account.control("mutate", {"restore": {"leads": 4}})
    first_night.ok("load")
    first_night.ok("transform")
    assert live(connection, "leads") == truth(own_account, "leads")


def test_a_quiet_night_asks_for_nothing(first_night: Commands, own_account: Sandbox) -> None:
    """Nothing is missing: not one request more, and nothing is written."""
    own_account.control("reset-stats", {})

    first_night.ok("load")
    summary = first_night.ok("transform", "--json").json

    lists = own_account.stats()["by_path"]
    assert all("/leads/1" not in path for path in lists)
    assert (summary["inserted"], summary["updated"], summary["deleted"]) == (0, 0, 0)


def test_the_guard(first_night: Commands, own_account: Sandbox, connection: Connection) -> None:
    """More than the share vanished: nothing is marked, exit 22, the rest is committed."""
    own_account.control("mutate", {"delete": {"leads": 200}, "update": {"contacts": 1}})

    result = first_night.run("load")
    first_night.ok("transform")

    assert result.code == 22
    assert "200 of 1200 leads are missing" in result.err
    assert "--max-delete-pct" in result.err
    assert scalar(connection, "SELECT count(*) FROM amo.leads WHERE deleted_at IS NOT NULL") == 0
    first_night.ok("load", "--max-delete-pct", "50")
    first_night.ok("transform")
    assert live(connection, "leads") == truth(own_account, "leads")


def test_a_broken_list_deletes_nothing(
    first_night: Commands, own_account: Sandbox, connection: Connection
) -> None:
    """Only a list that was read to its end says what is missing."""
    own_account.control(
        "faults", {"fault": {"kind": "html_200", "path": "/api/v4/leads", "page": 3}}
    )

    assert first_night.run("load").code == 20
    first_night.ok("transform")

    assert scalar(connection, "SELECT count(*) FROM ops.deletions") == 0
    assert live(connection, "leads") == truth(own_account, "leads")


def test_changes_between_the_pages(
    first_night: Commands, own_account: Sandbox, connection: Connection
) -> None:
    """Rows that shift under the paging are found by id; nothing alive is marked as deleted."""
    before = {stream: set(truth(own_account, stream)) for stream in ("leads", "contacts")}
    for step in range(6):
        own_account.control(
            "schedule",
            {
                "after_requests": 10 + 8 * step,
                "mutate": {
                    "delete": {"leads": 3, "contacts": 3},
                    "insert": {"leads": 2},
                    "update": {"leads": 5},
                    "merge": {"contacts": 1},
                },
            },
        )

    first_night.ok("load")
    first_night.ok("transform")

    for stream, ids in before.items():
        stayed = ids & set(truth(own_account, stream))
        assert stayed <= set(live(connection, stream)), stream


def test_two_loads_before_one_transform(
    first_night: Commands, own_account: Sandbox, connection: Connection
) -> None:
    """Edited in the first, gone in the second: gone, and it stays so at the next transform."""
    ids = [number for number, _ in own_account.truth("leads")][:5]
    own_account.control("mutate", {"update": {"leads": ids}})
    first_night.ok("load")
    own_account.control("mutate", {"delete": {"leads": ids}})
    first_night.ok("load", "--fresh")

    first_night.ok("transform")
    assert live(connection, "leads") == truth(own_account, "leads")
    summary = first_night.ok("transform", "--json").json

    assert (summary["inserted"], summary["updated"], summary["deleted"]) == (0, 0, 0)
    assert live(connection, "leads") == truth(own_account, "leads")


@pytest.mark.parametrize("kind", ["early_204", "html_200", "http_504"])
def test_a_bad_answer_about_what_is_missing(
    first_night: Commands, own_account: Sandbox, connection: Connection, kind: str
) -> None:
    """Nothing alive is marked after one 204, nor after anything that is no answer."""
    own_account.control("reset-stats", {})
    first_night.ok("load")
    lists = own_account.stats()["by_path"]["/api/v4/leads"]
    connection.execute(
        "UPDATE amo.documents SET id = '-' || id WHERE stream = 'leads' AND id IN"
        " (SELECT id FROM amo.documents WHERE stream = 'leads' LIMIT 3)"
    )
    own_account.control(
        "faults",
        {"fault": {"kind": kind, "path": "/api/v4/leads", "skip": lists, "times": 1}},
    )

    result = first_night.run("load")

    assert result.code == 0, result.err
    assert "Traceback" not in result.err
    alive = {str(number) for number in truth(own_account, "leads")}
    noted = {entity for (entity,) in connection.execute("SELECT entity_id FROM ops.deletions")}
    assert not noted & alive


def test_a_skipped_stream_says_nothing_about_deletions(
    first_night: Commands, own_account: Sandbox, connection: Connection
) -> None:
    """Switched off, and continued after another stream failed: nothing is missing."""
    own_account.control("settings", {"denied": "leads"})
    fault = {"kind": "html_200", "path": "/api/v4/tasks"}
    own_account.control("faults", {"fault": fault})
    assert first_night.run("load").code == 20
    own_account.control("faults", {"clear": True})

    result = first_night.run("load", "--resume")

    assert result.code == 0, result.err
    assert scalar(connection, "SELECT count(*) FROM ops.deletions") == 0


@pytest.mark.parametrize("is_backwards", [False, True])
def test_the_order_of_the_files_does_not_matter(
    connection: Connection, monkeypatch: pytest.MonkeyPatch, is_backwards: bool
) -> None:
    """Gone stays gone, also with an older page of it in staging; a later page brings it back."""
    if is_backwards:
        forward = sqlfiles.find
        monkeypatch.setattr(
            sqlfiles,
            "find",
            lambda *folders: [file for f in folders for file in reversed(forward(f))],
        )
    bring(connection, leads=[lead(1), lead(2)])
    stage_run(connection, [("leads", [lead(1), lead(2, name="edited")])])
    run_id = stage_run(connection, [("leads", [lead(1)])])
    connection.execute("INSERT INTO ops.deletions VALUES (%s, 'leads', '2')", (run_id,))

    transform.transform(connection)
    assert live(connection, "leads") == [1]
    transform.transform(connection)
    assert live(connection, "leads") == [1]
    bring(connection, leads=[lead(1), lead(2, name="edited")])

    assert live(connection, "leads") == [1, 2]
