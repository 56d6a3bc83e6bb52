"""The token pairs kept in ops.tokens, and the right to be the one who refreshes them."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import LiteralString

import psycopg
from psycopg.rows import class_row, scalar_row

from loader import db
from loader.db import Connection
from loader.errors import TemporaryError, UsageError

logger = logging.getLogger("amo.auth")

_LOCK = 727_002
# A refresher may need four tries of 15 s and their pauses.
_WAIT = "SET lock_timeout = '90s'"
COLUMNS: LiteralString = (
    "client_id, base_url, moved_to, source, configured_sha256, access_token, refresh_token,"
    " granted_at, refreshed_at, expires_at"
)
_READ: LiteralString = (
    "SELECT kept.*, clock_timestamp() AS read_at FROM ops.tokens AS kept"
    " WHERE client_id = coalesce(%s, client_id)"
    " ORDER BY refreshed_at DESC NULLS LAST, base_url"
)


@dataclass(frozen=True, slots=True)
class Kept:
    """A row of ops.tokens; without tokens when the first request was never answered."""

    client_id: str
    base_url: str
    moved_to: str | None = None
    source: str | None = None
    configured_sha256: str | None = None
    access_token: str | None = field(default=None, repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    granted_at: datetime | None = None
    refreshed_at: datetime | None = None
    expires_at: datetime | None = None
    asked_sha256: str | None = None
    asked_at: datetime | None = None
    asked_by: str | None = None
    read_at: datetime | None = None

    @property
    def url(self) -> str:
        """Where the account lives now."""
        return self.moved_to or self.base_url

    @property
    def fresh_seconds(self) -> float:
        """How long to use the access token, by the server's clock: until five minutes before
        its end, or for three quarters of a short life."""
        if not (self.expires_at and self.refreshed_at):
            return 0.0
        margin = min(timedelta(minutes=5), (self.expires_at - self.refreshed_at) / 4)
        return self.left_seconds - margin.total_seconds()

    @property
    def left_seconds(self) -> float:
        """How long the access token lives."""
        if not (self.expires_at and self.read_at):
            return 0.0
        return (self.expires_at - self.read_at).total_seconds()

    def was_sent(self, secret: str) -> bool:
        """True when a request with this token or code was made and its answer never saved."""
        return self.asked_sha256 == digest(secret)

    @property
    def story(self) -> str:
        """What is known of a request whose answer was never saved."""
        if self.asked_at is None:
            return ""
        return (
            f"a token or code was already sent at {self.asked_at:%Y-%m-%d %H:%M:%S %Z} "
            f"by {self.asked_by}, which was killed or cut off before the answer was saved: "
            "amoCRM has most likely replaced it, and the new one is lost"
        )


def digest(secret: str) -> str:
    """SHA-256, by which a secret is recognised without being kept."""
    return hashlib.sha256(secret.encode()).hexdigest()


@contextmanager
def held(dsn: str, client_id: str) -> Iterator[Connection]:
    """A connection of its own that holds the right to refresh, across all processes."""
    with db.connect(dsn, command="auth") as connection, _explained():
        connection.execute(_WAIT)
        connection.execute("SELECT pg_advisory_lock(%s, hashtext(%s))", (_LOCK, client_id))
        yield connection


def read(connection: Connection, client_id: str | None) -> list[Kept]:
    """All pairs of one integration, or of all of them, the newest first."""
    with connection.cursor(row_factory=class_row(Kept)) as cursor:
        return cursor.execute(_READ, (client_id,)).fetchall()


def now(connection: Connection) -> datetime:
    """The server's time, which all processes share."""
    with connection.cursor(row_factory=scalar_row) as cursor:
        moment: datetime = cursor.execute("SELECT clock_timestamp()").fetchall()[0]
        return moment


def readers(connection: Connection) -> list[str]:
    """Roles to whom somebody granted a look at the tokens.

    The owner, this role and amo_loader of contrib/roles.sql have to see them.
    """
    rows = connection.execute(
        "SELECT DISTINCT coalesce(role.rolname, 'PUBLIC')::text FROM pg_class AS class,"
        " aclexplode(class.relacl) AS granted LEFT JOIN pg_roles AS role ON"
        " role.oid = granted.grantee WHERE class.oid = 'ops.tokens'::regclass"
        " AND granted.grantee <> class.relowner AND granted.privilege_type = 'SELECT'"
        " AND coalesce(role.rolname, 'PUBLIC') NOT IN (current_user, 'amo_loader') ORDER BY 1"
    )
    return [str(row[0]) for row in rows]


def move(connection: Connection, kept: Kept, url: str) -> Kept:
    """Note that the account was renamed."""
    moved_to = None if url == kept.base_url else url
    connection.execute(
        "UPDATE ops.tokens SET moved_to = %s WHERE client_id = %s AND base_url = %s",
        (moved_to, kept.client_id, kept.base_url),
    )
    logger.warning("the account moved from %s to %s: set AMO_BASE_URL", kept.url, url)
    return replace(kept, moved_to=moved_to)


@contextmanager
def _explained() -> Iterator[None]:
    """Errors of the database in the words of the exit codes."""
    try:
        yield
    except psycopg.errors.LockNotAvailable:
        raise TemporaryError(
            "the tokens are locked by another process",
            hint="SELECT * FROM pg_locks shows who waits for amo-auth; run the command again",
        ) from None
    except psycopg.errors.InsufficientPrivilege as exc:
        raise UsageError(
            "this role may not keep tokens",
            detail=words(exc),
            hint="run as the role that owns ops.tokens, or as amo_loader of contrib/roles.sql",
        ) from None
    except psycopg.OperationalError as exc:
        raise db.explain(exc) from None


def words(exc: psycopg.Error) -> str:
    """The message alone: the context of an error can quote a row."""
    return exc.diag.message_primary or type(exc).__name__
