"""bin/load --stream files: from another host, which must not cost the account anything."""

from __future__ import annotations

from typing import Any

import pytest

from loader.api.drive import address
from loader.db import Connection, scalar
from sandbox.process import Sandbox
from tests.support.commands import Commands
from tests.support.staged import bring

FILES = ("load", "--stream", "files")


def assert_equal_to(account: Sandbox, connection: Connection) -> None:
    rows = connection.execute("SELECT uuid, extract(epoch FROM updated_at)::bigint FROM amo.files")
    assert sorted(rows.fetchall()) == sorted(account.truth("files"))


@pytest.mark.parametrize(
    "settings", [{}, {"drive_limit": 20}, {"link_host": "https://shard151.amocrm.ru"}], ids=str
)
def test_every_file(
    own_commands: Commands,
    own_account: Sandbox,
    connection: Connection,
    settings: dict[str, object],
) -> None:
    """Whatever the server makes of the page size, and whichever host its links name."""
    own_account.control("settings", {"drive_url": ""} | settings)

    own_commands.ok(*FILES)
    own_commands.ok("transform")

    assert_equal_to(own_account, connection)
    assert len(own_account.truth("files")) > 100
    kinds = connection.execute("SELECT DISTINCT created_by_type FROM amo.files").fetchall()
    assert set(kinds) == {("internal",), ("external",)}

    own_commands.ok(*FILES)
    summary = own_commands.ok("transform", "--json").json
    assert (summary["inserted"], summary["updated"], summary["deleted"]) == (0, 0, 0)


@pytest.mark.parametrize("answer", ["401", "403", "html 403"])
def test_no_right_to_files(
    own_commands: Commands, own_account: Sandbox, connection: Connection, answer: str
) -> None:
    """The file service refuses the token that the account takes: files are skipped, no more."""
    own_account.control("settings", {"drive_url": "", "drive_answer": answer})

    result = own_commands.ok(*FILES, "--stream", "roles", "-v")

    assert f"files skipped: HTTP {answer[-3:]}" in result.err
    ended = connection.execute("SELECT stream, status FROM ops.run_streams ORDER BY stream")
    assert ended.fetchall() == [
        ("account", "complete"), ("files", "skipped"), ("roles", "complete"),
    ]  # fmt: skip
    assert scalar(connection, "SELECT count(*) FROM ops.watermarks WHERE stream = 'files'") == 0


def test_limited_to_the_end(own_commands: Commands, own_account: Sandbox) -> None:
    """The limit of the file service is not a block of the account."""
    own_account.control("settings", {"drive_url": ""})
    own_account.control("faults", {"fault": {"kind": "http_429", "path": "/v1.0/*"}})

    result = own_commands.run(*FILES, "--stream", "roles")

    assert result.code == 20
    assert "files: the file service keeps refusing" in result.err


def test_a_foreign_drive(own_commands: Commands, own_account: Sandbox) -> None:
    """The account names a host that must not have the token: it is not asked."""
    own_account.control("settings", {"drive_url": "http://drive.example"})

    result = own_commands.run(*FILES, "--stream", "roles")

    assert result.code == 20
    assert "no file service that may have the token: its drive_url is" in result.err
    assert own_account.token not in result.err


def test_odd_files(connection: Connection) -> None:
    """Whatever stands where an author or the metadata should be, the row is there."""
    odd: list[dict[str, Any]] = [
        {"uuid": "a", "size": 10**12, "created_by": 7, "metadata": [], "deleted_at": 1_700_000_000},
        {"uuid": "b", "size": "big", "created_by": {"id": "x"}, "metadata": "png"},
        {"name": "no uuid"},
    ]

    bring(connection, files=odd)

    rows = connection.execute(
        "SELECT uuid, size, created_by, mime_type, trashed_at IS NULL FROM amo.files ORDER BY uuid"
    )
    assert rows.fetchall() == [("a", 10**12, None, None, False), ("b", None, None, None, True)]
    noted = connection.execute("SELECT path FROM ops.rejects ORDER BY path").fetchall()
    assert noted == [("size",), ("uuid",)]


OURS = "https://acme.amocrm.ru"
HERE = "http://127.0.0.1:8000"


@pytest.mark.parametrize(
    ("drive_url", "account_url", "expected"),
    [
        ("https://drive-b.amocrm.ru", OURS, "https://drive-b.amocrm.ru"),
        ("https://drive-c.kommo.com/", OURS, "https://drive-c.kommo.com"),
        ("https://drive-b.amocrm.com", OURS, "https://drive-b.amocrm.com"),
        ("http://drive-b.amocrm.ru", OURS, None),
        ("https://drive-b.amocrm.ru.example", OURS, None),
        ("https://drive-b.amocrm.ru@example", OURS, None),
        ("https://drive-b.amocrm.ru:8443", OURS, None),
        ("https://drive-b.amocrm.ru/v2", OURS, None),
        ("https://drive-b.amocrm.ru\n", OURS, None),
        ("https://example/drive-b.amocrm.ru", OURS, None),
        ("https://drive-b.example.amocrm.ru", OURS, None),
        ("https://acme.amocrm.ru", OURS, None),
        (HERE, OURS, None),
        ("", OURS, None),
        (None, OURS, None),
        ({"href": HERE}, OURS, None),
        (HERE, HERE, HERE),
        ("http://[::1]:8001/", HERE, "http://[::1]:8001"),
        ("https://drive-b.amocrm.ru", HERE, None),
        ("http://user@127.0.0.1", HERE, None),
        ("http://[::1", HERE, None),
        ("ftp://127.0.0.1", HERE, None),
    ],
)
def test_who_may_have_the_token(drive_url: object, account_url: str, expected: str | None) -> None:
    """amoCRM's own drive-… over HTTPS; this machine when the account is on it."""
    assert address(drive_url, account_url) == expected
