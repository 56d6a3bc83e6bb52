"""OAuth: tokens are granted, refreshed by one process at a time, saved before use, and secret."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from loader import db, rotation
from loader.api.endpoint import Grant, trusted_url
from loader.db import Connection, scalar
from loader.errors import ConnectError
from loader.tokens import Kept, digest, held
from sandbox import process
from sandbox.process import Sandbox
from tests.support.commands import Commands, Result
from tests.test_bad_input import assert_explains

TOKEN_PATH = "/oauth2/access_token"
SECRET = "canary-secret-77"
STEPS = "bin/load auth --code CODE"
CANARIES = Grant("canary-access", "canary-refresh", 100, "https://x.amocrm.ru")
EMPTY = Kept("client", "https://x.amocrm.ru")


@pytest.fixture
def granting() -> Iterator[Sandbox]:
    """An account of this test's own."""
    with process.start("--companies", "60", "--client-secret", SECRET) as sandbox:
        yield sandbox


@pytest.fixture
def oauth(dsn: str, granting: Sandbox) -> Commands:
    """bin/* with OAuth in place of a long-lived token; nothing was granted yet."""
    return commands_for(dsn, granting)


def commands_for(dsn: str, account: Sandbox) -> Commands:
    return Commands(
        {
            "AMO_DSN": dsn,
            "AMO_BASE_URL": account.url,
            "AMO_CLIENT_ID": "sandbox-client",
            "AMO_CLIENT_SECRET": SECRET,
            "AMO_REDIRECT_URI": "https://app.example/cb",
            "AMO_RATE": "0",
        }
    )


def refreshes(account: Sandbox) -> int:
    """Requests to the token endpoint."""
    return int(account.stats()["by_path"].get(TOKEN_PATH, 0))


def refused(account: Sandbox) -> int:
    """Answers 401."""
    return int(account.stats()["by_status"].get("401", 0))


def kept(connection: Connection) -> tuple[str, str]:
    """The pair, as only the owner of the table sees it."""
    row = connection.execute("SELECT access_token, refresh_token FROM ops.tokens").fetchone()
    assert row is not None
    return str(row[0]), str(row[1])


def age(connection: Connection) -> None:
    """Make the kept pair a day old: its access token is in its last minute."""
    connection.execute(
        "UPDATE ops.tokens SET refreshed_at = now() - interval '1 day',"
        " expires_at = now() + interval '1 minute'"
    )


def load(commands: Commands, **more: str) -> Result:
    """The smallest load that there is."""
    return commands.ok("load", "--stream", "pipelines", **more)


def test_code_exchange(oauth: Commands, granting: Sandbox, connection: Connection) -> None:
    """A code grants access once; loads need nothing else from then on."""
    before = oauth.run("load")
    said = oauth.ok("load", "auth", "--code", "sandbox-code", "-v")
    again = oauth.run("load", "auth", "--code", "sandbox-code")

    assert_explains(before, 2, "no access was granted", STEPS)
    assert "granted and kept" in said.err
    assert said.out == ""
    assert_explains(again, 60, "authorization code", "Authorization code has been revoked", STEPS)
    load(oauth)
    load(oauth)
    # The second code was refused and has not harmed the pair of the first.
    assert refreshes(granting) == 2


def test_code_on_stdin(oauth: Commands) -> None:
    """Where ps must not see even a code."""
    done = subprocess.run(
        ["bin/load", "auth", "--code", "-"],
        cwd=Path(__file__).parents[1],
        env=oauth.full_environment(),
        input="sandbox-code\n",
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_configured_refresh_token_is_used_once(
    oauth: Commands, granting: Sandbox, connection: Connection
) -> None:
    """It starts the chain; while it stays configured, the kept pair is the newer one."""
    configured = {"AMO_REFRESH_TOKEN": "sandbox-refresh"}

    for _ in range(3):
        load(oauth, **configured)
    unchanged = kept(connection)
    age(connection)
    load(oauth, **configured)
    load(oauth)

    assert refreshes(granting) == 2
    assert refused(granting) == 0
    assert kept(connection) != unchanged


def test_new_configured_token_wins(
    oauth: Commands, granting: Sandbox, connection: Connection
) -> None:
    """A token that the kept pair did not come from is a new grant, and is told so when bad."""
    load(oauth, AMO_REFRESH_TOKEN="sandbox-refresh")
    first = kept(connection)
    result = oauth.run("load", AMO_REFRESH_TOKEN="another")
    load(oauth, AMO_REFRESH_TOKEN="sandbox-refresh")

    assert_explains(result, 60, "refresh token", "has been revoked")
    assert kept(connection) == first
    # Given by a grant elsewhere, as far as this database knows.
    with process.start("--companies", "10", "--client-secret", SECRET) as other:
        elsewhere = commands_for(oauth.environment["AMO_DSN"], other)
        load(elsewhere, AMO_REFRESH_TOKEN="sandbox-refresh")
        assert refreshes(other) == 1
    load(oauth, AMO_REFRESH_TOKEN="sandbox-refresh")
    assert refreshes(granting) == 2


def test_code_outlives_an_old_configured_token(oauth: Commands, granting: Sandbox) -> None:
    """After a new grant by code, the used-up token in cron's environment is no new grant."""
    old = {"AMO_REFRESH_TOKEN": "sandbox-refresh"}
    load(oauth, **old)

    oauth.ok("load", "auth", "--code", "sandbox-code")
    load(oauth, **old)

    assert refreshes(granting) == 2


def test_refresh_before_expiry(oauth: Commands, granting: Sandbox, connection: Connection) -> None:
    """In the last minutes of its life a token is replaced before amoCRM says 401."""
    oauth.ok("load", "auth", "--code", "sandbox-code")
    first = kept(connection)
    age(connection)

    load(oauth)

    assert kept(connection)[0] != first[0]
    assert kept(connection)[1] != first[1]
    assert refreshes(granting) == 2
    assert refused(granting) == 0


@pytest.mark.alone
def test_refresh_in_the_middle_of_a_load(
    oauth: Commands, granting: Sandbox, connection: Connection
) -> None:
    """Eight threads go over the end of a token: one refresh, no 401, and the pace holds."""
    oauth.ok("load", "auth", "--code", "sandbox-code")
    connection.execute(
        "UPDATE ops.tokens SET refreshed_at = now() - interval '1 day',"
        " expires_at = now() + interval '5 minutes 2 seconds'"
    )
    granting.control("reset-stats", {})
    granting.control("faults", {"fault": {"kind": "slow", "path": TOKEN_PATH, "seconds": 1.5}})

    oauth.ok("load", AMO_RATE="7")

    stats = granting.stats()
    assert stats["last_arrival"] - stats["first_arrival"] > 4
    assert refreshes(granting) == 1
    assert refused(granting) == 0
    assert stats["max_in_one_second"] <= 7


def test_refresh_on_401_in_the_middle(
    oauth: Commands, granting: Sandbox, connection: Connection
) -> None:
    """A token revoked during a load is replaced, and the refused pages are asked again."""
    granting.control("settings", {"latency": "0.2"})
    oauth.ok("load", "auth", "--code", "sandbox-code")
    running = oauth.start("load", "--json")
    while granting.stats()["requests"] < 12:
        time.sleep(0.05)
    # All eight threads meet it at once.
    granting.control("clock", {"advance": 86_400})
    out, err = running.communicate(timeout=60)

    assert running.returncode == 0, err
    leads = next(s for s in json.loads(out)["streams"] if s["stream"] == "leads")
    assert leads["rows"] == granting.entities["leads"]
    assert refreshes(granting) == 2
    assert refused(granting) > 1


def test_two_processes_refresh_once(
    oauth: Commands, granting: Sandbox, connection: Connection
) -> None:
    """The one that waited finds the new pair."""
    oauth.ok("load", "auth", "--code", "sandbox-code")
    age(connection)
    granting.control("settings", {"latency": "1"})

    running = [oauth.start("load", "--stream", "pipelines") for _ in range(2)]
    for each in running:
        each.communicate(timeout=60)

    # The account lock is another matter: one of them may have found it taken.
    assert sorted(each.returncode for each in running) in ([0, 0], [0, 50])
    assert refreshes(granting) == 2
    assert refused(granting) == 0


def test_revoked(oauth: Commands, granting: Sandbox, connection: Connection) -> None:
    """Exit 60 with the way back, which works."""
    configured = {"AMO_REFRESH_TOKEN": "sandbox-refresh"}
    load(oauth, **configured)
    granting.control("settings", {"credentials": "revoked"})

    result = oauth.run("load", **configured)
    again = oauth.run("load", **configured)

    for each in (result, again):
        assert_explains(each, 60, "refresh token", "Token has been revoked", STEPS, "integration")
        assert "already sent" not in each.err
    granting.control("settings", {"credentials": "valid"})
    oauth.ok("load", "auth", "--code", "sandbox-code")
    load(oauth, **configured)


def test_new_token_is_refused_too(oauth: Commands, granting: Sandbox) -> None:
    """One refresh, one more try, no loop."""
    oauth.ok("load", "auth", "--code", "sandbox-code")
    granting.control("settings", {"credentials": "expired"})

    result = oauth.run("load")

    assert_explains(result, 60, "access token", STEPS)
    assert refreshes(granting) == 2
    assert granting.stats()["by_path"]["/api/v4/account"] == 2


def test_kill_between_answer_and_save(
    oauth: Commands, granting: Sandbox, connection: Connection
) -> None:
    """What cannot be saved is explained: which request, when, by whom, and the way back."""
    oauth.ok("load", "auth", "--code", "sandbox-code")
    age(connection)
    connection.execute(
        "CREATE FUNCTION ops.wait() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN PERFORM pg_sleep(60); RETURN new; END'"
    )
    connection.execute(
        "CREATE TRIGGER slow BEFORE INSERT ON ops.tokens FOR EACH ROW EXECUTE FUNCTION ops.wait()"
    )
    running = oauth.start("load")
    while not scalar(
        connection,
        "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE query LIKE 'COPY ops.tokens%')",
    ):
        time.sleep(0.05)
    running.kill()
    running.communicate()
    connection.execute("DROP TRIGGER slow ON ops.tokens")

    results = [oauth.run("load"), oauth.run("load")]
    status = oauth.ok("load", "auth", "--status")

    for result in results:
        story = f"already sent at .* by host .*, process {running.pid}"
        assert_explains(result, 60, "Token has been revoked", STEPS)
        assert re.search(story, result.err), result.err
    assert f"process {running.pid}" in status.out


def test_request_that_never_arrived(
    oauth: Commands, granting: Sandbox, connection: Connection
) -> None:
    """Killed before the request reached amoCRM: the old token still works, nothing is asked."""
    oauth.ok("load", "auth", "--code", "sandbox-code")
    age(connection)
    granting.control("faults", {"fault": {"kind": "http_503", "path": TOKEN_PATH}})
    running = oauth.start("load")
    while refreshes(granting) < 2:
        time.sleep(0.05)
    running.kill()
    running.communicate()
    granting.control("faults", {"clear": True})

    load(oauth)

    assert scalar(connection, "SELECT count(asked_at) FROM ops.tokens") == 0


def test_answer_lost_on_the_way(oauth: Commands, granting: Sandbox) -> None:
    """The connection breaks after amoCRM used the token up: the second try is told apart."""
    granting.control("faults", {"fault": {"kind": "reset", "path": TOKEN_PATH, "times": 1}})

    result = oauth.run("load", AMO_REFRESH_TOKEN="sandbox-refresh")
    again = oauth.run("load", AMO_REFRESH_TOKEN="sandbox-refresh")

    assert_explains(result, 60, "Token has been revoked", "lost on the way", STEPS)
    assert_explains(again, 60, "Token has been revoked", "already sent", STEPS)


def test_token_endpoint_is_down_for_a_while(
    oauth: Commands, granting: Sandbox, connection: Connection
) -> None:
    """A load goes on with the token that still lives; the next one refreshes."""
    oauth.ok("load", "auth", "--code", "sandbox-code")
    connection.execute(
        "UPDATE ops.tokens SET refreshed_at = now() - interval '1 day',"
        " expires_at = now() + interval '5 minutes 1 second'"
    )
    granting.control("faults", {"fault": {"kind": "http_503", "path": TOKEN_PATH}})

    result = oauth.ok("load", AMO_RATE="7")

    assert "cannot be renewed yet" in result.err
    granting.control("faults", {"clear": True})
    age(connection)
    load(oauth)
    assert refused(granting) == 0


def test_nothing_stands_in_the_way_of_the_save(
    oauth: Commands, granting: Sandbox, connection: Connection
) -> None:
    """A locked row is waited for before the single-use token is sent, not after."""
    oauth.ok("load", "auth", "--code", "sandbox-code")
    age(connection)
    with connection.transaction():
        connection.execute("LOCK TABLE ops.tokens IN SHARE MODE")
        running = oauth.start("load", "--stream", "pipelines")
        time.sleep(3)
        assert refreshes(granting) == 1
    running.communicate(timeout=60)

    assert running.returncode == 0
    assert refreshes(granting) == 2


def test_lost_server_between_answer_and_save(
    oauth: Commands, granting: Sandbox, connection: Connection
) -> None:
    """The pair is offered again over a new connection until it is saved."""
    oauth.ok("load", "auth", "--code", "sandbox-code")
    age(connection)
    granting.control("faults", {"fault": {"kind": "slow", "path": TOKEN_PATH, "seconds": 2}})
    running = oauth.start("load", "--stream", "pipelines")
    while refreshes(granting) < 2:
        time.sleep(0.05)
    ended = connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name LIKE 'amo-auth/%' AND datname = current_database()"
    ).fetchall()
    _, err = running.communicate(timeout=60)

    assert ended == [(True,)]
    assert running.returncode == 0, err
    assert "could not be saved" in err
    load(oauth)
    assert refreshes(granting) == 2


def test_renamed_account(oauth: Commands, granting: Sandbox, connection: Connection) -> None:
    """The token endpoint is gone: the account tells where it lives now, and that is kept."""
    oauth.ok("load", "auth", "--code", "sandbox-code")
    age(connection)
    host = granting.url.removeprefix("http://").replace("127.0.0.1", "localhost")
    granting.control("settings", {"renamed_to": host})

    first = load(oauth)
    second = load(oauth)

    assert f"moved from {granting.url} to http://{host}" in first.err
    assert second.err == ""
    assert scalar(connection, "SELECT moved_to FROM ops.tokens") == f"http://{host}"
    load(oauth, AMO_BASE_URL=f"http://{host}")
    assert scalar(connection, "SELECT count(*) FROM ops.tokens") == 1


def test_redirect_of_a_renamed_account(
    oauth: Commands, granting: Sandbox, connection: Connection
) -> None:
    """A redirect by itself is not followed; the account is asked, and no token is used up."""
    oauth.ok("load", "auth", "--code", "sandbox-code")
    host = granting.url.removeprefix("http://").replace("127.0.0.1", "localhost")
    granting.control("settings", {"renamed_to": host})

    load(oauth)

    assert refreshes(granting) == 1
    assert scalar(connection, "SELECT moved_to FROM ops.tokens") == f"http://{host}"
    granting.control("settings", {"renamed_to": "", "redirect_to": "http://127.0.0.2:9"})
    assert_explains(oauth.run("load"), 2, "redirect", "127.0.0.2:9")


def test_renamed_in_the_middle_of_a_load(oauth: Commands, granting: Sandbox) -> None:
    """Several threads are redirected at once, one asks, all go on."""
    oauth.ok("load", "auth", "--code", "sandbox-code")
    granting.control("settings", {"latency": "0.6"})
    host = granting.url.removeprefix("http://").replace("127.0.0.1", "localhost")
    # In the second round of the threads. By count and not by the clock: a busy machine would
    # find a moment in which one of them asks and the others wait for it.
    granting.control("schedule", {"after_requests": 16, "settings": {"renamed_to": host}})

    loaded = oauth.ok("load", "--json").json

    assert {each["status"] for each in loaded["streams"]} == {"complete"}
    assert granting.stats()["by_status"]["301"] > 1
    assert granting.stats()["by_path"]["/oauth2/account/current/subdomain"] == 1


def test_new_name_is_configured_at_once(
    oauth: Commands, granting: Sandbox, connection: Connection
) -> None:
    """AMO_BASE_URL may follow a rename before any load does: the pair is found."""
    oauth.ok("load", "auth", "--code", "sandbox-code")
    host = granting.url.removeprefix("http://").replace("127.0.0.1", "localhost")
    granting.control("settings", {"renamed_to": host})

    load(oauth, AMO_BASE_URL=f"http://{host}")

    assert refreshes(granting) == 1
    assert scalar(connection, "SELECT count(*) FROM ops.tokens") == 1


@pytest.mark.parametrize(
    ("host", "like", "url"),
    [
        ("new.amocrm.ru", "https://old.amocrm.ru", "https://new.amocrm.ru"),
        ("API-b.kommo.com", "https://old.kommo.com", "https://api-b.kommo.com"),
        ("new.amocrm.ru.example", "https://old.amocrm.ru", None),
        ("example/.amocrm.ru", "https://old.amocrm.ru", None),
        ("x@new.amocrm.ru", "https://old.amocrm.ru", None),
        ("evilamocrm.ru", "https://old.amocrm.ru", None),
        ("127.0.0.1:80", "https://old.amocrm.ru", None),
        ("new.amocrm.ru", "http://127.0.0.1:8000", None),
        ("localhost:8000", "http://127.0.0.1:8000", "http://localhost:8000"),
        ("", "https://old.amocrm.ru", None),
    ],
)
def test_hosts_that_tokens_may_go_to(host: str, like: str, url: str | None) -> None:
    """amoCRM's own over https; this machine only from this machine."""
    assert trusted_url(host, like) == url


def test_status(oauth: Commands, connection: Connection) -> None:
    """Where the pair came from and when it expires; a long-lived token wins over it."""
    oauth.ok("load", "auth", "--code", "sandbox-code")
    shown = oauth.ok("load", "auth", "--status")
    as_json = oauth.ok(
        "load", "auth", "--status", "--json", AMO_ACCESS_TOKEN=kept(connection)[0]
    ).json

    (pair,) = as_json["pairs"]
    # A day after the moment at which the sandbox begins.
    assert as_json["in_use"].startswith("long-lived token, until 2025-10-10 08:5")
    assert as_json["readable_by"] == []
    assert pair["began_with"] == "bin/load auth --code"
    assert pair["expires_at"] > pair["refreshed_at"]
    assert "in use: OAuth" in shown.out
    for secret in kept(connection):
        assert secret not in shown.out + json.dumps(as_json)


def test_long_lived_token_wins(oauth: Commands, granting: Sandbox) -> None:
    """With both configured nothing is refreshed."""
    load(oauth, AMO_ACCESS_TOKEN=granting.token, AMO_REFRESH_TOKEN="sandbox-refresh")

    assert refreshes(granting) == 0


def test_secrets_from_files(oauth: Commands, tmp_path: Path) -> None:
    """As the token: mode 0600 or nothing, and masked wherever settings are shown."""
    secret, refresh = tmp_path / "secret", tmp_path / "refresh"
    secret.write_text(f"{SECRET}\n")
    refresh.write_text("sandbox-refresh\n")
    files = {
        "AMO_CLIENT_SECRET": "",
        "AMO_CLIENT_SECRET_FILE": str(secret),
        "AMO_REFRESH_TOKEN_FILE": str(refresh),
    }
    secret.chmod(0o640)
    refresh.chmod(0o600)

    assert_explains(oauth.run("load", **files), 2, "AMO_CLIENT_SECRET_FILE", f"chmod 600 {secret}")
    secret.chmod(0o600)
    load(oauth, **files)
    shown = oauth.ok("load", "--show-config", AMO_REFRESH_TOKEN="canary-refresh")
    assert "canary" not in shown.out
    # The connection string of a test server may hold a password of its own.
    masked = [line.split()[0] for line in shown.out.splitlines() if "********" in line]
    assert set(masked) - {"dsn"} == {"client_secret", "refresh_token"}


@pytest.mark.parametrize(
    ("arguments", "environment", "words"),
    [
        ([], {"AMO_CLIENT_SECRET": ""}, ["not set: AMO_CLIENT_SECRET"]),
        ([], {"AMO_REDIRECT_URI": ""}, ["AMO_REDIRECT_URI"]),
        (["auth"], {}, ["--code", "--status"]),
        (["--mode", "full", "auth", "--status"], {}, ["options go after auth"]),
        (["auth", "--code", "x"], {"AMO_CLIENT_ID": ""}, ["AMO_CLIENT_ID"]),
    ],
)
def test_usage(
    oauth: Commands, arguments: list[str], environment: dict[str, str], words: list[str]
) -> None:
    """What is missing is named."""
    assert_explains(oauth.run("load", *arguments, **environment), 2, *words)


def test_wrong_client_secret(oauth: Commands) -> None:
    """It costs nothing: the code still works afterwards."""
    result = oauth.run("load", "auth", "--code", "sandbox-code", AMO_CLIENT_SECRET="wrong")

    assert_explains(result, 60, "Client authentication failed", "AMO_CLIENT_SECRET")
    oauth.ok("load", "auth", "--code", "sandbox-code")


def test_tokens_are_nowhere_else(
    oauth: Commands, granting: Sandbox, connection: Connection
) -> None:
    """Not in the output at -vv, an error, or any table but ops.tokens."""
    secrets = [SECRET, "sandbox-refresh"]
    said = [load(oauth, AMO_REFRESH_TOKEN="sandbox-refresh"), oauth.ok("load", "-vv")]
    secrets += kept(connection)
    age(connection)
    said += [oauth.ok("load", "-vv", "--json"), oauth.ok("transform", "-vv")]
    secrets += kept(connection)
    granting.control("settings", {"credentials": "revoked"})
    said += [oauth.run("load", "-vv"), oauth.run("load", "auth", "--code", "canary-code", "-vv")]
    connection.execute("ANALYZE")

    text = "".join(each.out + each.err for each in said)
    assert len(set(secrets)) == 6
    for secret in [*secrets, "canary-code"]:
        assert secret not in text
    tables = connection.execute(
        "SELECT format('%I.%I', schemaname, relname) FROM pg_stat_user_tables"
        " WHERE relname <> 'tokens' UNION ALL SELECT 'pg_stats' UNION ALL"
        " SELECT 'pg_stat_activity'"
    ).fetchall()
    for (table,) in tables:
        for secret in secrets:
            query = f"SELECT count(*) FROM {table} AS r WHERE strpos(r::text, %s) > 0"
            assert scalar(connection, query, (secret,)) == 0, table


def test_tokens_are_not_in_the_log_of_the_server(connection: Connection, dsn: str) -> None:
    """With log_statement = all the log has every statement and parameter, but no token."""
    heard: list[str] = []
    own_database = sql.Identifier(str(scalar(connection, "SELECT current_database()")))
    for setting in ("client_min_messages = 'log'", "log_statement = 'all'"):
        connection.execute(
            sql.SQL("ALTER DATABASE {} SET {}").format(own_database, sql.SQL(setting))
        )

    with held(dsn, "client") as own:
        own.add_notice_handler(
            lambda diag: heard.append(f"{diag.message_primary} {diag.message_detail}")
        )
        rotation.rotate(own, dsn, EMPTY, "canary-old", lambda: CANARIES)

    log = "\n".join(heard)
    assert kept(connection) == ("canary-access", "canary-refresh")
    assert "COPY ops.tokens" in log
    assert digest("canary-old") in log
    assert "canary" not in log


def test_an_error_of_the_save_quotes_no_token(
    connection: Connection, dsn: str, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    """The context of an error of COPY is a row of the table, by default."""
    monkeypatch.setattr(rotation, "SAVE_SECONDS", 1)
    connection.execute(
        "CREATE FUNCTION ops.fail() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN RAISE ''the disk is full''; END'"
    )
    connection.execute(
        "CREATE TRIGGER fail BEFORE INSERT ON ops.tokens FOR EACH ROW"
        " WHEN (new.access_token IS NOT NULL) EXECUTE FUNCTION ops.fail()"
    )

    with pytest.raises(ConnectError) as caught, held(dsn, "client") as own:
        rotation.rotate(own, dsn, EMPTY, "canary-old", lambda: CANARIES)

    said = "\n".join(caught.value.lines()) + caplog.text
    assert "the disk is full" in said
    assert "canary" not in said


def test_other_roles_see_nothing(oauth: Commands, connection: Connection, dsn: str) -> None:
    """Neither by PUBLIC nor by default privileges; a later grant is noticed."""
    role = f"reader_{time.monotonic_ns()}"
    connection.execute(f"CREATE ROLE {role}")
    try:
        connection.execute(f"GRANT USAGE ON SCHEMA ops TO {role}")
        connection.execute(f"GRANT SELECT ON ops.runs TO {role}")
        with db.connect(dsn, command="test") as other:
            other.execute(f"SET ROLE {role}")
            other.execute("SELECT FROM ops.runs")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                other.execute("SELECT FROM ops.tokens")
        connection.execute(f"GRANT SELECT ON ops.tokens TO {role}")
        assert f"can be read by {role}" in oauth.ok("load", "auth", "--status").err
    finally:
        connection.execute(f"DROP OWNED BY {role}")
        connection.execute(f"DROP ROLE {role}")


def test_default_privileges_do_not_open_the_table(empty_dsn: str) -> None:
    """ALTER DEFAULT PRIVILEGES … GRANT SELECT opens the others, not this one."""
    role = f"reader_{time.monotonic_ns()}"
    with db.connect(empty_dsn, command="test") as connection:
        connection.execute(f"CREATE ROLE {role}")
        try:
            connection.execute(f"ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO {role}")
            Commands({"AMO_DSN": empty_dsn}).ok("migrate", "up")

            may = [
                scalar(connection, "SELECT has_table_privilege(%s, %s, 'SELECT')", (role, table))
                for table in ("ops.runs", "ops.tokens")
            ]
            assert may == [True, False]
        finally:
            connection.execute(f"DROP OWNED BY {role}")
            connection.execute(f"DROP ROLE {role}")
