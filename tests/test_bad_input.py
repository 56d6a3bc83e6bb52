"""Whatever is wrong: three lines that say what to do, the exit code of the contract, no harm."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from loader.api.answers import Reply, says
from loader.db import Connection, scalar
from sandbox.process import Sandbox
from tests.support.commands import Commands, Result
from tests.support.servers import Server


def assert_explains(result: Result, code: int, *words: str) -> None:
    """An ERROR line with the code, a HINT, the expected words, no traceback, no token."""
    assert result.code == code, result.err
    assert re.search(rf"^ERROR \[{code}\]: ", result.err, re.MULTILINE), result.err
    assert re.search(r"^HINT: ", result.err, re.MULTILINE), result.err
    assert "Traceback" not in result.err
    assert "sandbox-token" not in result.err + result.out
    for word in words:
        assert word in result.err, result.err


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize(
    ("environment", "code", "word"),
    [
        ({"AMO_BASE_URL": ""}, 2, "AMO_BASE_URL is not set"),
        ({"AMO_BASE_URL": "mycompany"}, 2, "not a web address"),
        ({"AMO_BASE_URL": "http://mycompany.amocrm.ru"}, 2, "unencrypted"),
        ({"AMO_ACCESS_TOKEN": ""}, 2, "no access token"),
        ({"AMO_ACCESS_TOKEN": "wrong"}, 60, "refused the access token"),
        ({"AMO_ACCESS_TOKEN": "", "AMO_ACCESS_TOKEN_FILE": "/nonexistent"}, 2, "/nonexistent"),
        ({"AMO_RATE": "8"}, 2, "at most 7"),
        ({"AMO_RATE": "fast"}, 2, "'fast' from AMO_RATE"),
        ({"AMO_DSN": "this is no dsn"}, 2, "AMO_DSN"),
        ({"AMO_DSN": "host=/nonexistent dbname=x"}, 56, "cannot connect to PostgreSQL"),
        ({"AMO_CONFIG": "/nonexistent.toml"}, 2, "/nonexistent.toml"),
    ],
)
def test_configuration(
    commands: Commands, environment: dict[str, str], code: int, word: str
) -> None:
    """Each wrong setting is named."""
    assert_explains_or_plain(commands.run("load", **environment), code, word)


def assert_explains_or_plain(result: Result, code: int, word: str) -> None:
    """As assert_explains; an error whose DETAIL is the whole story may do without a HINT."""
    assert result.code == code, result.err
    assert result.err.startswith(f"ERROR [{code}]: "), result.err
    assert word in result.err, result.err
    assert "Traceback" not in result.err


def test_no_amocrm_there(commands: Commands) -> None:
    """A refused connection is told apart from a database that is down."""
    url = f"http://127.0.0.1:{unused_port()}"

    assert_explains(commands.run("load", AMO_BASE_URL=url), 56, "cannot reach amoCRM")


def test_unknown_stream(commands: Commands) -> None:
    """The streams that exist are listed."""
    assert_explains(commands.run("load", "--stream", "deals"), 2, "deals", "leads")


def test_unknown_option(commands: Commands) -> None:
    """Wrong options are usage errors like all others."""
    assert_explains(commands.run("load", "--everything"), 2, "--everything")


def test_token_file_open_to_others(commands: Commands, account: Sandbox, tmp_path: Path) -> None:
    """As with .pgpass: a secret that others can read is refused."""
    file = tmp_path / "token"
    file.write_text(account.token)
    file.chmod(0o644)
    settings = {"AMO_ACCESS_TOKEN": "", "AMO_ACCESS_TOKEN_FILE": str(file)}

    assert_explains(commands.run("load", **settings), 2, f"chmod 600 {file}")
    file.chmod(0o600)
    commands.ok("load", "--stream", "account", **settings)


def test_unknown_key_in_amo_toml(commands: Commands, tmp_path: Path) -> None:
    """A misspelt setting must not be ignored."""
    file = tmp_path / "amo.toml"
    file.write_text('base_ulr = "https://mycompany.amocrm.ru"\n')

    assert_explains(commands.run("load", AMO_CONFIG=str(file)), 2, "base_ulr", "base_url")


def test_show_config_masks_secrets(commands: Commands) -> None:
    """Values with their origin; the token and the password stay hidden."""
    result = commands.ok(
        "load", "--show-config", "--rate", "5", AMO_DSN="host=db user=me password=hidden"
    )

    assert re.search(r"rate +5 +--rate", result.out)
    assert "sandbox-token" not in result.out
    assert "hidden" not in result.out


def test_blocked_account(own_commands: Commands, own_account: Sandbox) -> None:
    """HTML 403 in the middle of a load: stop at once, ask nothing more."""
    fault = {"kind": "403_html", "path": "/api/v4/contacts", "page": 2}
    own_account.control("faults", {"fault": fault})

    assert_explains(own_commands.run("load"), 61, "blocked")
    asked = own_account.stats()["by_path"]["/api/v4/contacts"]
    # Page 2 and what was in flight beside it: the next one and a probe.
    assert asked <= 1 + 1 + 2


def test_token_revoked_in_the_middle(own_commands: Commands, own_account: Sandbox) -> None:
    """401 ends the run with 60; what was committed stays for the next one."""
    own_account.control(
        "faults", {"fault": {"kind": "http_401", "path": "/api/v4/leads", "page": 2}}
    )

    assert_explains(own_commands.run("load"), 60, "long-lived token")
    own_account.control("faults", {"clear": True})
    own_commands.ok("load")


def test_not_json(first_night: Commands, own_account: Sandbox, connection: Connection) -> None:
    """A page that is no page fails its stream only, and nothing that was there suffers."""
    before = scalar(connection, "SELECT count(*) FROM amo.leads")
    own_account.control(
        "faults", {"fault": {"kind": "html_200", "path": "/api/v4/leads", "page": 2}}
    )

    result = first_night.run("load")
    first_night.ok("transform")

    assert_explains(result, 20, "leads", "not JSON", "bin/load --stream leads")
    assert scalar(connection, "SELECT count(*) FROM amo.leads WHERE deleted_at IS NULL") == before
    own_account.control("faults", {"clear": True})
    again = first_night.ok("load", "--stream", "leads", "--json").json
    assert next(s for s in again["streams"] if s["stream"] == "leads")["rows"] == before


def test_not_amocrm(own_commands: Commands, own_account: Sandbox, connection: Connection) -> None:
    """A website in place of the API is noticed before anything is written."""
    own_account.control("faults", {"fault": {"kind": "html_200"}})

    assert_explains(own_commands.run("load"), 56, "does not answer as amoCRM")
    assert scalar(connection, "SELECT count(*) FROM ops.runs") == 0


def test_truncated_answer_is_asked_again(own_commands: Commands, own_account: Sandbox) -> None:
    """Half a page is no page; the second try is."""
    own_account.control(
        "faults", {"fault": {"kind": "truncated", "path": "/api/v4/tasks", "page": 1, "times": 1}}
    )

    summary = own_commands.ok("load", "--json").json

    tasks = next(s for s in summary["streams"] if s["stream"] == "tasks")
    assert tasks["rows"] == own_account.entities["tasks"]


def test_another_account_under_the_same_database(
    own_commands: Commands, own_account: Sandbox, connection: Connection
) -> None:
    """A changed account id is refused before a page is staged, unless asked for."""
    own_commands.ok("load")
    pages = scalar(connection, "SELECT count(*) FROM staging.pages")
    own_account.control("settings", {"shown_account_id": 22222222})

    result = own_commands.run("load")

    assert_explains(result, 2, "22222222", "--add-account")
    assert scalar(connection, "SELECT count(*) FROM staging.pages") == pages
    own_commands.ok("load", "--add-account", "--stream", "account")


def test_redirect_is_not_followed(own_commands: Commands, own_account: Sandbox) -> None:
    """The token never goes to another host."""
    own_account.control("settings", {"redirect_to": "http://127.0.0.2:9"})

    assert_explains(own_commands.run("load"), 2, "redirect", "127.0.0.2:9")


def test_missing_right_and_switched_off_feature(
    own_commands: Commands, own_account: Sandbox, connection: Connection
) -> None:
    """They end their stream with a clear line, and the run goes well."""
    own_account.control("settings", {"denied": "tasks", "customers_answer": "402"})

    result = own_commands.ok("load", "-v")

    rows = connection.execute(
        "SELECT stream, message FROM ops.run_streams WHERE status = 'skipped'"
    )
    skipped = {str(stream): str(message) for stream, message in rows}
    assert "HTTP 403" in skipped["tasks"]
    assert "HTTP 402" in skipped["customers"]
    assert "tasks skipped: HTTP 403" in result.err


def test_too_many_requests(
    own_commands: Commands, own_account: Sandbox, connection: Connection
) -> None:
    """429 costs a pause as the server asks, not the page."""
    own_account.control("settings", {"retry_after": 1})
    own_account.control(
        "faults", {"fault": {"kind": "http_429", "path": "/api/v4/companies", "times": 1}}
    )

    own_commands.ok("load", "--stream", "companies")

    row = connection.execute(
        "SELECT requests, http_ms >= 1000 FROM ops.pages WHERE stream = 'companies' AND page_no = 1"
    ).fetchone()
    assert row == (2, True)


def test_too_heavy_page(
    own_commands: Commands, own_account: Sandbox, connection: Connection
) -> None:
    """504: the rest of the list comes in smaller pages, complete."""
    own_account.control(
        "faults", {"fault": {"kind": "http_504", "path": "/api/v4/leads", "limit_above": 100}}
    )

    own_commands.ok("load", "--stream", "leads")

    limits = connection.execute(
        "SELECT DISTINCT params ->> 'limit' FROM ops.pages WHERE stream = 'leads'"
        " AND status = 'staged'"
    ).fetchall()
    assert limits == [("62",)]
    rows = scalar(connection, "SELECT sum(rows) FROM ops.pages WHERE stream = 'leads'")
    assert rows == own_account.entities["leads"]


@pytest.mark.parametrize("token", ["sandbox-token\nformerly: other", "tokén", "a b"])
def test_a_token_that_is_none(commands: Commands, token: str) -> None:
    """It is refused without being shown."""
    result = commands.run("load", AMO_ACCESS_TOKEN=token)

    assert_explains(result, 2, "characters that no token has")
    assert "formerly" not in result.err


@pytest.mark.parametrize(
    "url", ["http://[::1", "http://127.0.0.1:99999", "http://a:b@127.0.0.1", "http://127.0.0.1/x"]
)
def test_a_base_url_that_is_none(commands: Commands, url: str) -> None:
    """Malformed, with a password, or with a path."""
    assert_explains(commands.run("load", AMO_BASE_URL=url), 2, "AMO_BASE_URL")


@pytest.mark.parametrize("status", ["http_403", "http_404"])
def test_a_list_that_breaks_off_is_no_switched_off_feature(
    own_commands: Commands, own_account: Sandbox, status: str
) -> None:
    """Page 2 refused after page 1 was given: the stream failed, the others are there."""
    own_account.control("faults", {"fault": {"kind": status, "path": "/api/v4/leads", "page": 2}})

    assert_explains(own_commands.run("load"), 20, "leads broke off")


def test_one_catalog_that_went_away(
    own_commands: Commands, own_account: Sandbox, connection: Connection
) -> None:
    """Its elements are skipped, those of the other catalogs are not."""
    fault = {"kind": "http_404", "path": "/api/v4/catalogs/2001/elements"}
    own_account.control("faults", {"fault": fault})

    result = own_commands.ok("load")

    assert "catalogs/2001/elements skipped" in result.err
    lists = scalar(
        connection,
        "SELECT count(DISTINCT params) FROM ops.pages WHERE stream = 'catalog_elements'",
    )
    assert lists == 3


@pytest.mark.parametrize("page", [1, 2])
def test_early_204_is_looked_at_twice(
    own_commands: Commands, own_account: Sandbox, page: int
) -> None:
    """One 204 proves nothing, on the first page neither."""
    own_account.control(
        "faults",
        {"fault": {"kind": "early_204", "path": "/api/v4/leads", "page": page, "times": 1}},
    )

    summary = own_commands.ok("load", "--json").json

    leads = next(s for s in summary["streams"] if s["stream"] == "leads")
    assert leads["rows"] == own_account.entities["leads"]


def test_encodings(commands: Commands, connection: Connection, server: Server) -> None:
    """PGCLIENTENCODING does not garble; a database that is not UTF-8 is refused."""
    commands.ok("load", "--stream", "users", PGCLIENTENCODING="WIN1251")
    commands.ok("transform", PGCLIENTENCODING="WIN1251")
    assert scalar(connection, "SELECT count(*) FROM amo.users WHERE name ~ '[А-я]'") != 0

    with psycopg.connect(server.dsn, autocommit=True) as admin:
        admin.execute(
            "CREATE DATABASE amo_ascii ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0"
        )
    try:
        result = commands.run("load", AMO_DSN=server.database("amo_ascii"))
    finally:
        with psycopg.connect(server.dsn, autocommit=True) as admin:
            admin.execute("DROP DATABASE amo_ascii")
    assert_explains(result, 2, "SQL_ASCII", "--encoding=UTF8")


def test_staging_that_vanished_by_hand(commands: Commands, connection: Connection) -> None:
    """A page in the ledger but not in staging is a finding, not a smaller account."""
    commands.ok("load")
    connection.execute("DELETE FROM staging.pages WHERE stream = 'leads'")

    assert_explains(commands.run("transform"), 3, "pages_staged", "leads")


def test_a_reader_on_staging(loaded: Commands, connection: Connection) -> None:
    """pg_dump at the same hour: the load goes on, the transform says try again."""
    with connection.transaction():
        connection.execute("SELECT count(*) FROM staging.pages, staging.items")

        loaded.ok("load")
        assert_explains(loaded.run("transform"), 75, "busy", "lock timeout")
    loaded.ok("transform")


def test_a_role_without_privileges(
    commands: Commands, connection: Connection, server: Server, dsn: str
) -> None:
    """Missing rights are an error with a way out."""
    role = f"amo_reader_{connection.info.backend_pid}"
    password = "reader"
    connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{password}'")
    try:
        result = commands.run("load", AMO_DSN=make_conninfo(dsn, user=role, password=password))
    finally:
        connection.execute(f"DROP ROLE {role}")
    assert server.dsn
    assert_explains(result, 3, "permission denied", "own the schemas")


def test_another_stream_does_not_end_an_unfinished_load(
    own_commands: Commands, own_account: Sandbox, connection: Connection
) -> None:
    """bin/load --stream in between leaves the pages of the full load where they are."""
    own_account.control(
        "faults", {"fault": {"kind": "http_401", "path": "/api/v4/leads", "page": 2}}
    )
    assert own_commands.run("load").code == 60
    own_account.control("faults", {"clear": True})

    own_commands.ok("load", "--stream", "loss_reasons")
    resumed = own_commands.ok("load", "--json").json

    assert resumed["resumed"] is True
    own_commands.ok("transform")
    assert scalar(connection, "SELECT count(*) FROM amo.leads") == own_account.entities["leads"]


@pytest.mark.parametrize(
    "body",
    [
        b'{"title": "no\\n\\u001b[2J\\u0000HINT: pay\\u202e"}',
        b"no\n\x1b[2J\x00HINT: pay\xe2\x80\xae",
    ],
)
def test_what_the_server_says_moves_no_cursor(body: bytes) -> None:
    """Its words stand in errors, in ops.runs and in bin/status: one line, of visible signs."""
    assert says(Reply(400, {}, body)) == "no [2J HINT: pay"
