"""Connections: the only place that connects, and how a statement finds its errors' words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import LiteralString

import psycopg
from psycopg.conninfo import make_conninfo

from loader import __version__, embedded
from loader.config import Config
from loader.errors import ConnectError, UsageError

Connection = psycopg.Connection[tuple[object, ...]]
Params = Sequence[object] | Mapping[str, object]

# A backend whose client was killed must not go on for the length of its statement and
# commit: measured 25 s without, 1 s with the check (facts/tuning.md 3.1). The keepalives
# notice a vanished network within half a minute.
_OPTIONS = (
    "-c client_connection_check_interval=2s"
    " -c lock_timeout=5s"
    " -c statement_timeout=0"
    " -c idle_in_transaction_session_timeout=10min"
    " -c timezone=UTC"
    " -c jit=off"
)
_KEEPALIVES = {"keepalives_idle": 10, "keepalives_interval": 10, "keepalives_count": 3}

FLOOR = 150000


@contextmanager
def server(config: Config) -> Iterator[str]:
    """Yield the connection string; start and stop the embedded server where nothing is set."""
    if config.uses_embedded_postgres():
        with embedded.running(config.home) as uri:
            yield uri
    else:
        yield config.get("dsn") or ""


def connect(dsn: str, *, command: str) -> Connection:
    """Connect as psql would; autocommit, so that every transaction is visible in the code.

    Raises UsageError for a malformed connection string or a server older than 15,
    ConnectError when the server cannot be reached or refuses us.
    """
    try:
        conninfo = make_conninfo(
            dsn,
            application_name=f"amo-{command}/{__version__}",
            connect_timeout=15,
            options=_OPTIONS,
            **_KEEPALIVES,
        )
    except psycopg.ProgrammingError as exc:
        raise UsageError(
            "AMO_DSN is not a connection string",
            detail=_one_line(exc),
            hint="it looks like postgresql://user@host:5432/database or 'host=... dbname=...'",
        ) from exc
    try:
        connection: Connection = psycopg.connect(conninfo, autocommit=True)
    except psycopg.OperationalError as exc:
        raise ConnectError(
            "cannot connect to PostgreSQL",
            detail=_one_line(exc),
            hint="check AMO_DSN, PGHOST, PGPORT, PGDATABASE, PGUSER and the password in ~/.pgpass;"
            " nothing was changed",
        ) from exc
    if connection.info.server_version < FLOOR:
        version = connection.info.parameter_status("server_version")
        connection.close()
        raise UsageError(
            "this PostgreSQL is too old", detail=f"server version {version}", hint="use 15 or newer"
        )
    return connection


def lost_connection(exc: psycopg.Error) -> ConnectError:
    """What to say when the server went away in the middle of a run."""
    return ConnectError(
        "the connection to PostgreSQL was lost",
        detail=_one_line(exc),
        hint="what was committed is safe; run the same command again when the server is back",
    )


def scalar(
    connection: Connection, query: LiteralString, parameters: Params | None = None
) -> object:
    """First column of the only row, or None without a row."""
    row = connection.execute(query, parameters).fetchone()
    return row[0] if row else None


def _one_line(exc: Exception) -> str:
    return " ".join(str(exc).split())
