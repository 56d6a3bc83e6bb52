"""Connections: the only place that connects, and how a statement finds its errors' words."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, LiteralString

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.sql import Composed

from loader import __version__, embedded
from loader.config import Config
from loader.errors import AmoError, ConnectError, SqlError, TemporaryError, UsageError
from loader.statements import CountedConnection, CountedCursor

Connection = psycopg.Connection[tuple[Any, ...]]
Params = Sequence[object] | Mapping[str, object]

# A backend whose client was killed must not go on for the length of its statement and
# commit: measured 25 s without, 1 s with the check (facts/tuning.md 3.1). The keepalives
# notice a vanished network within half a minute, on both ends: a backend whose client is on a
# host that vanished would keep its locks for two hours.
OPTIONS = (
    "-c client_connection_check_interval=2s"
    " -c tcp_keepalives_idle=10"
    " -c tcp_keepalives_interval=10"
    " -c tcp_keepalives_count=3"
    " -c tcp_user_timeout=60s"
    " -c lock_timeout=5s"
    " -c statement_timeout=0"
    " -c idle_in_transaction_session_timeout=10min"
    " -c idle_session_timeout=0"
    " -c default_transaction_isolation=read\\ committed"
    " -c timezone=UTC"
    " -c jit=off"
)
_KEEPALIVES = {
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}

FLOOR = 150000


@contextmanager
def server(config: Config) -> Iterator[str]:
    """Yield the connection string; start and stop the embedded server where nothing is set."""
    if config.uses_embedded_postgres():
        with embedded.running(config.home) as uri:
            yield uri
    else:
        yield config.get("dsn") or ""


def connect(dsn: str, *, command: str, options: str = OPTIONS) -> Connection:
    """Connect as psql would; autocommit, so that every transaction is visible in the code.

    options: instead of the loader's own, for who wants to see the server's settings.

    Raises UsageError for a malformed connection string, a server older than 15 or a database
    that is not UTF-8, ConnectError when the server cannot be reached or refuses us.
    """
    try:
        own = conninfo_to_dict(dsn)
        conninfo = make_conninfo(
            dsn,
            application_name=f"amo-{command}/{__version__}",
            client_encoding="UTF8",
            connect_timeout=15,
            # After the user's own, which may say -c role=... and must not be lost.
            options=" ".join(
                filter(None, (str(own.get("options") or os.environ.get("PGOPTIONS", "")), options))
            ),
            **_KEEPALIVES,
        )
    except psycopg.ProgrammingError as exc:
        # libpq's own words would repeat parts of the string, the password among them.
        raise UsageError(
            "AMO_DSN is not a connection string",
            hint="it looks like postgresql://user@host:5432/database or 'host=... dbname=...'",
        ) from exc
    try:
        connection: Connection = CountedConnection.connect(
            conninfo, autocommit=True, cursor_factory=CountedCursor
        )
    except psycopg.OperationalError as exc:
        raise ConnectError(
            "cannot connect to PostgreSQL",
            detail=_one_line(exc),
            hint="check AMO_DSN, PGHOST, PGPORT, PGDATABASE, PGUSER and the password in ~/.pgpass;"
            " nothing was changed",
        ) from exc
    if problem := _unfit(connection):
        connection.close()
        raise problem
    _settle(connection, options)
    return connection


def _settle(connection: Connection, options: str) -> None:
    """Say again what options cannot: PGTZ and PGDATESTYLE win over them, the role does elsewhere.

    psycopg reads no other spelling of times. As an option transaction_timeout, which 15 and 16
    do not know, would keep us out.
    """
    said, wanted = connection.info.parameter_status, []
    if not (said("DateStyle") or "").startswith("ISO"):
        wanted.append("SET datestyle = ISO")
    if said("IntervalStyle") != "postgres":
        wanted.append("SET intervalstyle = postgres")
    if "timezone=UTC" in options and said("TimeZone") != "UTC":
        wanted.append("SET timezone = UTC")
    if "statement_timeout=0" in options:
        wanted.append(
            "SELECT pg_catalog.set_config('transaction_timeout', '0', FALSE)"
            " WHERE pg_catalog.current_setting('transaction_timeout', TRUE) <> '0'"
        )
    if wanted:
        connection.pgconn.exec_("; ".join(wanted).encode())


def beside(connection: Connection, *, command: str) -> Connection:
    """A second connection, to where the first one is; raises as connect does."""
    return connect(address(connection, connection.info.dbname), command=command)


def address(connection: Connection, database: str) -> str:
    """How to connect to a database of the same server; the password is in it."""
    info = connection.info
    # The server that answered, where several were named; psycopg leaves the password out.
    dsn = make_conninfo(info.dsn, host=info.host, port=info.port, hostaddr=info.hostaddr or None)
    return make_conninfo(dsn, password=info.password or None, dbname=database)


def _unfit(connection: Connection) -> UsageError | None:
    info = connection.info
    if info.server_version < FLOOR:
        version = info.parameter_status("server_version")
        return UsageError(
            "this PostgreSQL is too old", detail=f"server version {version}", hint="use 15 or newer"
        )
    encoding = info.parameter_status("server_encoding")
    if encoding != "UTF8":
        return UsageError(
            "the database cannot hold what people type into amoCRM",
            detail=f"its encoding is {encoding}",
            hint="createdb --encoding=UTF8 --template=template0 NAME",
        )
    return None


def explain(exc: psycopg.Error) -> AmoError:
    """An error of PostgreSQL that no closer place has put into words."""
    code = exc.sqlstate or ""
    detail = _one_line(exc) + (f" (SQLSTATE {code})" if code else "")
    safe = "what was committed is safe"
    if code in ("55P03", "40P01", "40001", "53300", "57014"):
        return TemporaryError(
            "PostgreSQL is busy", detail=detail, hint=f"{safe}; run the same command again later"
        )
    if isinstance(exc, psycopg.OperationalError) and (not code or code[:2] in ("08", "57")):
        return ConnectError(
            "the connection to PostgreSQL was lost",
            detail=detail,
            hint=f"{safe}; run the same command again when the server is back",
        )
    return SqlError(
        "PostgreSQL refused a statement",
        detail=detail,
        hint="; ".join(filter(None, (safe, remedy(code)))),
    )


def remedy(code: str) -> str:
    """What helps against an SQLSTATE, where something general does; else nothing."""
    if code == "42501":
        return (
            "the role needs to own the schemas staging, amo, mart and ops, or what"
            " contrib/roles.sql grants: run that again after bin/migrate up"
        )
    if code == "25006":
        return "connect to the primary, with default_transaction_read_only off"
    if code.startswith("53"):
        return "give the server room (disk, memory), then run the same command again"
    return ""


def scalar(
    connection: Connection, query: LiteralString | Composed, parameters: Params | None = None
) -> Any:
    """First column of the only row, or None without a row."""
    row = connection.execute(query, parameters).fetchone()
    return row[0] if row else None


def _one_line(exc: Exception) -> str:
    return " ".join(str(exc).split())
