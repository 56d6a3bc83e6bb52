"""One rotation of a pair: announced, asked for, saved; in this order."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import psycopg
from tenacity import RetryError, Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from loader import db, tokens
from loader.api.endpoint import Grant, Refused
from loader.db import Connection
from loader.errors import ConnectError
from loader.tokens import COLUMNS, Kept, digest, words

logger = logging.getLogger("amo.auth")

# How long a pair that the server would not take is offered to it again.
SAVE_SECONDS = 120
_TYPES = ["text"] * 7 + ["timestamptz"] * 3


def rotate(
    connection: Connection, dsn: str, kept: Kept, secret: str, ask: Callable[[], Grant]
) -> Kept:
    """Announce the request, make it, and return its pair once that is safely on disk.

    The old row is deleted before the request, in the transaction of the save: whatever lock
    or right could stand in its way is met while the old token still works.
    Raises Refused, what `ask` raises, and ConnectError when the pair could not be saved.
    """
    is_repeated = _announce(connection, kept, secret)
    pair: Kept | None = None
    try:
        with connection.transaction():
            _delete(connection, kept)
            asked_at = tokens.now(connection)
            pair = _pair(kept, ask(), asked_at)
            _insert(connection, pair)
    except Refused as exc:
        # A clear answer, unless an earlier try may have used the token up.
        if not is_repeated and exc.tries == 1:
            _forget(connection, kept)
        raise
    except psycopg.Error as exc:
        if pair is None:
            raise
        _save_again(dsn, pair, exc)
    return pair


def _pair(kept: Kept, grant: Grant, asked_at: datetime) -> Kept:
    return replace(
        kept,
        moved_to=None if grant.base_url == kept.base_url else grant.base_url,
        access_token=grant.access_token,
        refresh_token=grant.refresh_token,
        granted_at=kept.granted_at or asked_at,
        refreshed_at=asked_at,
        expires_at=asked_at + timedelta(seconds=grant.lifetime_seconds),
        asked_sha256=None,
        asked_at=None,
        asked_by=None,
        read_at=asked_at,
    )


def _announce(connection: Connection, kept: Kept, secret: str) -> bool:
    """Commit that this token is about to be sent; True when it had been before."""
    if kept.was_sent(secret):
        return True
    key = (kept.client_id, kept.base_url)
    by = f"host {socket.gethostname()}, process {os.getpid()}"
    with connection.transaction():
        connection.execute("SET LOCAL synchronous_commit = on")
        connection.execute(
            "INSERT INTO ops.tokens (client_id, base_url) SELECT %s, %s WHERE NOT EXISTS"
            " (SELECT FROM ops.tokens WHERE client_id = %s AND base_url = %s)",
            key * 2,
        )
        connection.execute(
            "UPDATE ops.tokens SET asked_sha256 = %s, asked_at = clock_timestamp(), asked_by = %s"
            " WHERE client_id = %s AND base_url = %s",
            (digest(secret), by, *key),
        )
    return False


def _forget(connection: Connection, kept: Kept) -> None:
    connection.execute(
        "UPDATE ops.tokens SET asked_sha256 = NULL, asked_at = NULL, asked_by = NULL"
        " WHERE client_id = %s AND base_url = %s",
        (kept.client_id, kept.base_url),
    )


def _delete(connection: Connection, kept: Kept) -> None:
    connection.execute("SET LOCAL synchronous_commit = on")
    connection.execute(
        "DELETE FROM ops.tokens WHERE client_id = %s AND base_url = %s",
        (kept.client_id, kept.base_url),
    )


def _insert(connection: Connection, pair: Kept) -> None:
    """By binary COPY: parameters of an INSERT would be in the server's log under
    log_statement, and the line of a text COPY in the context of an error."""
    with (
        connection.cursor() as cursor,
        cursor.copy("COPY ops.tokens (" + COLUMNS + ") FROM STDIN (FORMAT binary)") as copy,
    ):
        copy.set_types(_TYPES)
        copy.write_row([getattr(pair, name) for name in COLUMNS.split(", ")])


def _save_again(dsn: str, pair: Kept, exc: psycopg.Error) -> None:
    """The server went away with the only copy of a pair in our hands: keep offering it."""
    logger.warning("the new tokens could not be saved (%s); trying again", words(exc))
    tries = Retrying(
        stop=stop_after_delay(SAVE_SECONDS),
        wait=wait_fixed(1),
        retry=retry_if_exception_type((psycopg.Error, ConnectError)),
    )
    try:
        for attempt in tries:
            with (
                attempt,
                db.connect(dsn, command="auth") as connection,
                connection.transaction(),
            ):
                _delete(connection, pair)
                _insert(connection, pair)
    except RetryError:
        raise ConnectError(
            "new tokens were received and could not be saved",
            detail=words(exc),
            hint="they were not used; when the server is back: bin/load auth --code CODE",
        ) from None
