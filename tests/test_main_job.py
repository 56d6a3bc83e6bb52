"""The main job: what is in the account is in the tables, and a quiet night writes nothing."""

from __future__ import annotations

import pytest

from loader.db import Connection, scalar
from sandbox.process import Sandbox
from tests.support.commands import Commands
from tests.support.staged import counted
from tests.support.truth import TABLES, kept


@pytest.mark.usefixtures("loaded")
def test_every_entity_of_the_account_is_there(connection: Connection, account: Sandbox) -> None:
    """Ids and times of the main streams are the account's, none missing, none twice."""
    for stream in TABLES:
        assert kept(connection, stream) == sorted(account.truth(stream)), stream


def test_every_typed_table_has_rows(
    loaded: Commands, account: Sandbox, connection: Connection
) -> None:
    """No stream and no detail was forgotten on the way."""
    was = account.control("settings")["drive_url"]
    account.control("settings", {"drive_url": ""})
    loaded.ok("load", "--stream", "talks", "--stream", "files")
    account.control("settings", {"drive_url": was})
    loaded.ok("transform", "--history")
    tables = connection.execute(
        "SELECT relid::regclass::text FROM pg_stat_user_tables WHERE schemaname = 'amo'"
    ).fetchall()

    empty = [t for (t,) in tables if not scalar(connection, f"SELECT count(*) FROM {t}")]

    assert len(tables) >= 36
    assert not empty


@pytest.mark.usefixtures("loaded")
def test_events(account: Sandbox, connection: Connection) -> None:
    """The whole history, with entity types in the plural."""
    rows = connection.execute("SELECT id FROM amo.events").fetchall()
    assert sorted(rows) == sorted((event,) for event, _ in account.truth("events"))
    kinds = {kind for (kind,) in connection.execute("SELECT DISTINCT entity_type FROM amo.events")}
    assert kinds >= {"leads", "contacts"}


@pytest.mark.usefixtures("loaded")
def test_field_groups_of_catalogs(account: Sandbox, connection: Connection) -> None:
    """Each list has its own, under ids that they share."""
    rows = connection.execute(
        "SELECT catalog_id, id FROM amo.custom_field_groups WHERE entity_type = 'catalogs'"
    ).fetchall()

    truth = [
        (catalog, group)
        for catalog, _ in account.truth("catalogs")
        for group, _ in account.truth(f"catalogs/{catalog}/custom_fields/groups")
    ]
    assert sorted(rows) == sorted(truth)
    assert len({group for _, group in rows}) < len(rows)


@pytest.mark.alone  # WAL is counted for the whole server, which AMO_TEST_DSN may share out
def test_second_night_changes_nothing(loaded: Commands, connection: Connection) -> None:
    """An unchanged full refresh: no row written in amo or mart, less than 1 MB of WAL."""
    before = _fingerprint(connection)

    loaded.ok("load")
    summary = loaded.ok("transform", "--json").json

    assert (summary["inserted"], summary["updated"], summary["deleted"]) == (0, 0, 0)
    assert summary["wal_bytes"] < 1_000_000
    assert _fingerprint(connection) == before


def test_transform_twice_changes_nothing(loaded: Commands, connection: Connection) -> None:
    """The same staging once more: nothing happens."""
    before = _fingerprint(connection)

    summary = loaded.ok("transform", "--json").json

    assert (summary["inserted"], summary["updated"], summary["deleted"]) == (0, 0, 0)
    assert _fingerprint(connection) == before


def test_rebuild_from_documents_changes_nothing(loaded: Commands, connection: Connection) -> None:
    """Going through all documents again gives the same rows and rewrites none."""
    before = _fingerprint(connection)

    summary = loaded.ok("transform", "--rebuild", "--json").json

    assert (summary["inserted"], summary["updated"], summary["deleted"]) == (0, 0, 0)
    assert _fingerprint(connection) == before


def test_rebuild_restores_what_was_lost(loaded: Commands, connection: Connection) -> None:
    """A table emptied by mistake comes back without asking amoCRM."""
    before = _fingerprint(connection)
    connection.execute("TRUNCATE amo.phones")

    loaded.ok("transform", "--rebuild", "phones", AMO_BASE_URL="", AMO_ACCESS_TOKEN="")

    assert _contents(connection, "amo.phones") == _contents_of(before, "amo.phones")


@pytest.mark.usefixtures("loaded")
def test_read_equals_accounted(connection: Connection) -> None:
    """Read = staged = inserted + updated + unchanged + superseded + rejected."""
    read = scalar(connection, "SELECT sum(rows) FROM ops.pages WHERE status = 'staged'")
    counters = counted(connection)

    assert counters["staged"] == read
    assert counters["staged"] == sum(counters.values()) - counters["staged"]
    assert counters["inserted"] == scalar(connection, "SELECT count(*) FROM amo.documents")


def test_silent_when_nobody_watches(commands: Commands) -> None:
    """cron must have nothing to mail."""
    for command in ("load", "transform"):
        result = commands.ok(command)

        assert (result.out, result.err) == ("", "")


def test_requests_are_few(commands: Commands, account: Sandbox, connection: Connection) -> None:
    """At most two requests per stream beyond its pages, and never one per entity."""
    before = account.stats()["requests"]

    commands.ok("load")

    requests = account.stats()["requests"] - before
    pages = scalar(connection, "SELECT count(*) FROM ops.pages WHERE status = 'staged'")
    lists = scalar(connection, "SELECT count(DISTINCT (stream, params)) FROM ops.pages")
    assert requests == scalar(connection, "SELECT sum(requests) FROM ops.pages")
    assert requests <= int(str(pages)) + 2 * int(str(lists))


def test_one_stream_alone(commands: Commands, connection: Connection) -> None:
    """--stream loads that list, its parent and the account, nothing else."""
    commands.ok("load", "--stream", "catalog_elements")

    streams = {s for (s,) in connection.execute("SELECT DISTINCT stream FROM ops.pages")}
    assert streams == {"account", "catalogs", "catalog_elements"}


def test_an_edit_in_amocrm_arrives(
    first_night: Commands, own_account: Sandbox, connection: Connection
) -> None:
    """What was changed and added since the first night is all that the second one writes."""
    own_account.control("mutate", {"update": {"leads": 5}, "insert": {"contacts": 2}})

    first_night.ok("load")
    first_night.ok("transform")

    changed = connection.execute(
        "SELECT stream, count(*) FROM amo.documents WHERE changed_run = "
        "(SELECT max(id) FROM ops.runs WHERE kind = 'transform') GROUP BY stream ORDER BY stream"
    ).fetchall()
    assert [row for row in changed if row[0] != "events"] == [("contacts", 2), ("leads", 5)]
    rows = connection.execute("SELECT id FROM amo.leads").fetchall()
    assert sorted(rows) == sorted((n,) for n, _ in own_account.truth("leads"))


def _fingerprint(connection: Connection) -> dict[str, object]:
    """Content and row versions of every table in amo: a rewrite of a row shows in xmin."""
    tables = connection.execute(
        "SELECT relid::regclass::text FROM pg_stat_user_tables WHERE schemaname = 'amo'"
    ).fetchall()
    return {
        str(table): (
            scalar(
                connection,
                f"SELECT md5(string_agg(r.xmin::text, ',' ORDER BY r::text)) FROM {table} r",
            ),
            _contents(connection, str(table)),
        )
        for (table,) in tables
    }


def _contents(connection: Connection, table: str) -> object:
    return scalar(
        connection,
        f"SELECT md5(string_agg(r::text, ',' ORDER BY r::text)) FROM {table} r",
    )


def _contents_of(fingerprint: dict[str, object], table: str) -> object:
    versions_and_contents = fingerprint[table]
    assert isinstance(versions_and_contents, tuple)
    return versions_and_contents[1]


def test_no_setting_outlives_a_run(commands: Commands, connection: Connection) -> None:
    """Session options and SET LOCAL only: nothing of the server, a role or a table is changed."""
    query = (
        "SELECT jsonb_build_array("
        " (SELECT jsonb_agg(to_jsonb(s) ORDER BY setrole, setdatabase) FROM pg_db_role_setting s"
        " WHERE setdatabase IN"
        " (0, (SELECT oid FROM pg_database WHERE datname = current_database()))),"
        " (SELECT jsonb_agg(to_jsonb(f)) FROM pg_file_settings f),"
        " (SELECT jsonb_object_agg(oid::regclass::text, reloptions) FROM pg_class"
        "  WHERE reloptions IS NOT NULL))"
    )
    before = scalar(connection, query)

    commands.ok("load")
    commands.ok("transform")

    assert scalar(connection, query) == before


def test_readers_see_old_or_new_and_never_wait(
    first_night: Commands, own_account: Sandbox, connection: Connection
) -> None:
    """While a transform changes many rows: no lock is waited for, no mixture is seen."""
    own_account.control("mutate", {"update": {"leads": 1200}})
    first_night.ok("load")
    query = "SELECT count(*), count(DISTINCT changed_at), max(changed_at) FROM amo.leads"
    connection.execute("SET lock_timeout = '200ms'")
    before = connection.execute(query).fetchone()
    transform = first_night.start("transform")

    seen = {before}
    while transform.poll() is None:
        seen.add(connection.execute(query).fetchone())
        connection.execute("SELECT count(*) FROM mart.funnel").fetchone()
    transform.communicate()
    seen.add(connection.execute(query).fetchone())

    assert transform.returncode == 0
    assert len(seen) == 2
    assert {row[:2] for row in seen if row} == {(1200, 1)}
