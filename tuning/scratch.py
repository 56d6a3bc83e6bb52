"""A database of its own for what is measured: made by CREATE DATABASE, dropped in every ending.

Its name is amo_measure_ and a number. The number is that of an advisory lock which the measuring
session holds: a database without that lock is what a killed run left. Only what is ours and has
our comment is dropped: another may have chosen such a name.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import LiteralString

import psycopg
from psycopg import errors, sql

from loader import db
from loader.db import Connection
from loader.errors import SqlError

logger = logging.getLogger("amo.tune")

PREFIX = "amo_measure_"
_CLASS = 727_011
_COMMENT = "scratch database of bin/tune measure: nothing in it is needed once that has ended"

_LEFTOVERS: LiteralString = """
    SELECT datname
    FROM pg_database AS database
    WHERE
        datname ~ ('^' || %(prefix)s || '[0-9]+$')
        AND shobj_description(database.oid, 'pg_database') = %(comment)s
        AND pg_has_role(datdba, 'USAGE')
        AND NOT EXISTS (
            SELECT FROM pg_locks
            WHERE
                locktype = 'advisory'
                AND classid = %(class)s::oid
                AND objid = substring(database.datname, '[0-9]+$')::oid
        )
"""

# The names of its columns differ between versions.
_LIKE: LiteralString = """
    SELECT
        datcollate, datctype, datlocprovider::text,
        coalesce(to_jsonb(database) ->> 'datlocale', to_jsonb(database) ->> 'daticulocale'),
        nullif(spcname, 'pg_default')::text
    FROM pg_database AS database
    INNER JOIN pg_tablespace ON pg_tablespace.oid = database.dattablespace
    WHERE datname = current_database()
"""


@contextmanager
def database(connection: Connection) -> Iterator[str]:
    """Yield how to connect to a new, empty database that sorts as ours does, on the same disk.

    Raises SqlError for a role that may not make one.
    """
    drop_leftovers(connection)
    key = 1 + secrets.randbelow(0x7FFF_FFFE)
    name = f"{PREFIX}{key}"
    connection.execute("SELECT pg_advisory_lock(%s, %s)", (_CLASS, key))
    try:
        _create(connection, name)
        yield db.address(connection, name)
    finally:
        try:
            _drop(connection, name)
        except KeyboardInterrupt:  # only now: it has cancelled the DROP
            _drop(connection, name)
            raise


def drop_leftovers(connection: Connection) -> None:
    """What runs left that were killed; one that cannot be dropped is a warning."""
    facts = {"prefix": PREFIX, "comment": _COMMENT, "class": _CLASS}
    for (name,) in connection.execute(_LEFTOVERS, facts).fetchall():
        logger.info("dropping %s, which a killed run left", name)
        _drop(connection, name)


def _create(connection: Connection, name: str) -> None:
    statement = sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'{}").format(
        sql.Identifier(name), _like(connection)
    )
    try:
        connection.execute(statement)
    except errors.InsufficientPrivilege as exc:
        raise SqlError(
            "the role may not make a database to measure in",
            detail=exc.diag.message_primary or "",
            hint=f'a superuser: ALTER ROLE "{connection.info.user}" CREATEDB; nothing was changed',
        ) from exc
    comment = sql.SQL("COMMENT ON DATABASE {} IS {}")
    connection.execute(comment.format(sql.Identifier(name), _COMMENT))


def _like(connection: Connection) -> sql.Composed:
    """Sorting text is part of what is measured, and so is the disk."""
    row = connection.execute(_LIKE).fetchone()
    assert row is not None  # noqa: S101 - we are connected to it
    collate, ctype, provider, locale, tablespace = row
    parts = [sql.SQL(" LC_COLLATE {} LC_CTYPE {}").format(collate, ctype)]
    if provider == "i":
        parts.append(sql.SQL(" LOCALE_PROVIDER icu ICU_LOCALE {}").format(locale))
    elif provider == "b":
        parts.append(sql.SQL(" LOCALE_PROVIDER builtin BUILTIN_LOCALE {}").format(locale))
    else:
        parts.append(sql.SQL(" LOCALE_PROVIDER libc").format())
    if tablespace:
        parts.append(sql.SQL(" TABLESPACE {}").format(sql.Identifier(tablespace)))
    return sql.Composed(parts)


def _drop(connection: Connection, name: str) -> None:
    statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
    try:
        connection.execute(statement)
    except psycopg.Error as exc:
        logger.warning("the scratch database %s could not be dropped: %s", name, exc)
