"""Secrets: read as strictly as libpq reads .pgpass, and shown to nobody."""

from __future__ import annotations

import re
import stat
from pathlib import Path

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from loader.errors import UsageError


def read(path: Path, variable: str, credentials: str | None = None) -> str:
    """A secret from a file that nobody else may read. Raises UsageError.

    credentials: the folder of what systemd hands to a service. It may open the files there to
    the user of the service by an ACL, which shows as a right of their group, root.
    """
    others = 0o037 if credentials and path.parent == Path(credentials) else 0o077
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & others:
            raise UsageError(
                f"the file of {variable} can be read by others",
                detail=f"{path} has mode {mode:04o}",
                hint=f"chmod 600 {path}",
            )
        return path.read_text(encoding="utf-8").strip()
    except OSError as exc:
        raise UsageError(f"the file of {variable} cannot be read", detail=str(exc)) from exc
    except UnicodeDecodeError as exc:
        raise UsageError(f"the file of {variable} is not a text file", detail=str(path)) from exc


def mask(name: str, value: str) -> str:
    """A connection string or an address without the password in it."""
    if name == "base_url":
        return re.sub(r"//[^/@]*@", "//********@", value)
    if name != "dsn":
        return value
    try:
        parts = conninfo_to_dict(value)
    except ProgrammingError:
        return "******** (not a valid connection string)"
    names = ("host", "port", "dbname", "user")
    shown: dict[str, object] = {name: part for name, part in parts.items() if name in names}
    # A password with an @ or a : breaks the string so that pieces of it land in other parts.
    if not all(re.fullmatch(r"[\w./-]*", str(part)) for part in shown.values()):
        return "********"
    if set(parts) - set(shown):
        shown["password"] = "********"  # noqa: S105 - this is the mask
    return " ".join(f"{name}={part}" for name, part in shown.items())
