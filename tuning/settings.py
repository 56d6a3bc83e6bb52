"""The settings of the server, and what hides them from some roles."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import LiteralString

from loader.db import Connection, scalar
from tuning.units import Kind


@dataclass(frozen=True, slots=True)
class Setting:
    """A row of pg_settings; value is in its unit or has one.

    value and source are the server's own; in_session and session_source are those of a session
    of this role in this database. is_hidden: the server's own value could not be seen.
    """

    name: str
    value: str
    kind: Kind
    context: str
    source: str
    file: str | None
    line: int | None
    is_pending: bool
    choices: tuple[str, ...]
    in_session: str
    session_source: str
    is_hidden: bool = False

    @property
    def origin(self) -> str:
        """Where the value comes from, in a few words."""
        if self.source == "configuration file" and self.file:
            return f"{Path(self.file).name}:{self.line}"
        return origin(self.source)


@dataclass(frozen=True, slots=True)
class Override:
    """A value of ALTER ROLE or ALTER DATABASE, which hides that of the server."""

    name: str
    value: str
    whose: str


# These stand above the server's own value; pg_settings shows them instead of it.
_OF_SESSION = {
    "database": "ALTER DATABASE",
    "user": "ALTER ROLE",
    "database user": "ALTER ROLE IN DATABASE",
    "client": "connection options",
}
_OF_SERVER = {"environment variable": "environment", "override": "the server itself"}

_SETTINGS: LiteralString = """
    SELECT name, coalesce(setting, ''), vartype, unit, context, source, sourcefile, sourceline,
        pending_restart, coalesce(enumvals, '{}'), boot_val
    FROM pg_settings
"""
_MAY_READ_FILES: LiteralString = (
    "SELECT has_function_privilege('pg_show_all_file_settings()', 'EXECUTE')"
    " AND has_table_privilege('pg_file_settings', 'SELECT')"
)
# The last line wins.
_FILES: LiteralString = """
    SELECT DISTINCT ON (name) name, setting, sourcefile, sourceline
    FROM pg_file_settings
    WHERE applied
    ORDER BY name ASC, seqno DESC
"""
_OVERRIDES: LiteralString = """
    SELECT split_part(entry.entry, '=', 1), split_part(entry.entry, '=', 2),
        concat_ws(' in ', 'role ' || role.rolname, 'database ' || database.datname)
    FROM pg_db_role_setting AS given
    CROSS JOIN unnest(given.setconfig) AS entry (entry)
    LEFT JOIN pg_roles AS role ON given.setrole = role.oid
    LEFT JOIN pg_database AS database ON given.setdatabase = database.oid
    WHERE given.setdatabase = 0 OR database.datname = current_database()
    ORDER BY 1, 3
"""


def origin(source: str) -> str:
    """pg_settings.source as a DBA would write it."""
    return (_OF_SESSION | _OF_SERVER).get(source, source)


def read(connection: Connection) -> dict[str, Setting]:
    """All of pg_settings; sourcefile is NULL for a role without pg_read_all_settings."""
    may_read = scalar(connection, _MAY_READ_FILES)
    files = {name: rest for name, *rest in connection.execute(_FILES)} if may_read is True else None
    found = {}
    for name, value, vartype, unit, *rest, choices, default in connection.execute(_SETTINGS):
        context, source, file, line, is_pending = rest
        own = (value, source, file, line)
        if source in _OF_SESSION and files is not None:
            own = (default or "", "default", None, None)
            if name in files:
                own = (files[name][0], "configuration file", *files[name][1:])
        found[name] = Setting(
            name=name,
            value=own[0],
            kind=Kind(vartype, unit),
            context=context,
            source=own[1],
            file=own[2],
            line=own[3],
            is_pending=is_pending,
            choices=tuple(choices),
            in_session=value,
            session_source=source,
            is_hidden=own[1] in _OF_SESSION,
        )
    return found


def overrides(connection: Connection) -> list[Override]:
    """What counts in this database; every role may read pg_db_role_setting."""
    return [Override(*row) for row in connection.execute(_OVERRIDES)]
