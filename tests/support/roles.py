"""The roles of contrib/roles.sql, made as a DBA makes them and taken away again."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from loader import db, embedded
from tests.support.commands import ROOT

OWNER, LOADER, TRANSFORMER, READER = "amo_owner", "amo_loader", "amo_transformer", "amo_reader"
ROLES = (OWNER, LOADER, TRANSFORMER, READER)
PASSWORD = "only-in-tests"
_TURN = 727_099


def apply(dsn: str) -> None:
    """contrib/roles.sql by psql; it must have nothing to say."""
    done = subprocess.run(
        [embedded.binary("psql"), "-X", "-1", "-v", "ON_ERROR_STOP=1", "-q",
         "-f", ROOT / "contrib" / "roles.sql", dsn],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    said = (done.returncode, done.stdout, done.stderr)
    assert said == (0, "", ""), done.stderr


def login(dsn: str, role: str) -> str:
    """How that role connects to the same database."""
    return make_conninfo(dsn, user=role, password=PASSWORD)


@contextmanager
def made(dsn: str, administrator: str | None = None) -> Iterator[None]:
    """The roles, by the administrator or by who runs the tests.

    They belong to the server, which another worker may share: one of them at a time.
    """
    with psycopg.connect(make_conninfo(dsn, dbname="postgres"), autocommit=True) as turn:
        turn.execute("SELECT pg_advisory_lock(%s)", (_TURN,))
        apply(administrator or dsn)
        try:
            execute(dsn, "ALTER ROLE {} PASSWORD {}", LOADER)
            execute(dsn, "ALTER ROLE {} PASSWORD {}", TRANSFORMER)
            yield
        finally:
            for role in reversed(ROLES):
                execute(dsn, "DROP OWNED BY {} CASCADE", role)
            for role in reversed(ROLES):
                execute(dsn, "DROP ROLE {}", role)


def execute(dsn: str, statement: str, role: str) -> None:
    """A statement about a role, whose name and password are filled in."""
    with db.connect(dsn, command="test") as connection:
        connection.execute(sql.SQL(statement).format(sql.Identifier(role), sql.Literal(PASSWORD)))
