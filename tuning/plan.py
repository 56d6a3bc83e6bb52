"""What bin/tune apply would do: the same for --dry-run and for real."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from psycopg import sql

from loader.db import Connection, scalar
from loader.errors import UsageError
from tuning import profile, system, tables
from tuning.change import PLANNED, REFUSED, SKIPPED, Change
from tuning.journal import SYSTEM, TABLE

# Half way to the vacuum that the server forces, nobody should hold vacuum back.
NEAR_WRAPAROUND = 0.5


@dataclass(frozen=True, slots=True)
class Wanted:
    """names: tables of amo, empty for all; min_rows: leave smaller ones alone.

    wal_space_bytes: what WAL may take on its volume, None where nobody knows.
    """

    names: Sequence[str] = ()
    min_rows: int = 0
    has_system: bool = False
    settings: Mapping[str, str] = field(default_factory=dict)
    wal_space_bytes: int | None = None


def make(connection: Connection, wanted: Wanted) -> list[Change]:
    """One change for each table, and each setting where the server's are wanted.

    Raises UsageError for an unknown table or setting.
    """
    changes = _tables(connection, wanted)
    if wanted.has_system:
        role = str(scalar(connection, "SELECT quote_ident(current_user)"))
        lack = _lack(connection, role)
        for wish in profile.wishes(connection, wanted.settings, wanted.wal_space_bytes):
            changes.append(_setting(connection, wish, lack, role))
    return changes


def _tables(connection: Connection, wanted: Wanted) -> list[Change]:
    rows = connection.execute(
        "SELECT relid, object, name, autovacuum_enabled, toast_autovacuum_enabled,"
        " estimated_rows, wraparound, is_owned, coalesce(NOT autovacuum_enabled::boolean, false),"
        " coalesce(NOT toast_autovacuum_enabled::boolean, false), ARRAY(SELECT journal.name"
        "  FROM ops.tuning_journal AS journal"
        "  WHERE journal.relid = target.relid AND journal.closed_at IS NULL)"
        " FROM ops.tuning_targets AS target"
        " WHERE name = ANY(%(names)s) OR cardinality(%(names)s::text[]) = 0 ORDER BY name",
        {"names": list(wanted.names)},
    ).fetchall()
    if unknown := sorted(set(wanted.names) - {row[2] for row in rows}):
        raise UsageError(
            "there is no such table in the schema amo",
            detail=", ".join(unknown),
            hint="bin/tune apply --dry-run lists them",
        )
    changes = []
    for relid, name, table, main, toast, estimated, wraparound, is_owned, *off, ours in rows:
        identifier = sql.Identifier("amo", table)
        outcome, detail = PLANNED, ""
        if not is_owned:
            outcome, detail = REFUSED, "not owned by this role"
        elif wraparound > NEAR_WRAPAROUND:
            outcome = REFUSED
            detail = f"{wraparound:.0%} of the way to the vacuum against wraparound"
        elif estimated < wanted.min_rows:
            outcome, detail = SKIPPED, f"about {estimated} rows"
        options = [(tables.MAIN, main, off[0])]
        if toast is not None:
            # Only then: a table without one of its own has its TOAST follow it.
            options.append((tables.TOAST, toast, off[1]))
        for option, before, is_off in options:
            is_foreign = is_off and option not in ours
            changes.append(
                Change(
                    kind=TABLE,
                    object=name,
                    name=option,
                    before=before,
                    statement=tables.statement(identifier, option, tables.OFF).as_string(None),
                    outcome=SKIPPED if outcome == PLANNED and is_foreign else outcome,
                    detail="off already, not by us" if is_foreign and not detail else detail,
                    relid=relid,
                    value=tables.OFF,
                )
            )
    return changes


def _setting(connection: Connection, wish: profile.Wish, lack: Sequence[str], role: str) -> Change:
    now = system.in_force(connection, wish.name)
    may = "SELECT has_parameter_privilege(%s, 'ALTER SYSTEM')"
    is_ours = (
        "SELECT EXISTS (SELECT FROM ops.tuning_journal"
        " WHERE kind = 'system' AND name = %s AND closed_at IS NULL)"
    )
    outcome, detail = PLANNED, ""
    # What is enough because of us goes away again, unless we join.
    if wish.why_not and not scalar(connection, is_ours, (wish.name,)):
        outcome, detail = SKIPPED, wish.why_not
    elif now.source == "command line":
        # ALTER SYSTEM would succeed and change nothing.
        outcome, detail = SKIPPED, f"{now.value} is given on the command line of the server"
    elif lack:
        outcome, detail = REFUSED, "; ".join(lack)
    elif not scalar(connection, may, (wish.name,)):
        outcome = REFUSED
        detail = f"GRANT ALTER SYSTEM ON PARAMETER {wish.name} TO {role}"
    return Change(
        kind=SYSTEM,
        object=system.SERVER,
        name=wish.name,
        before=None if lack else system.in_file(connection, wish.name),
        statement=system.statement(wish.name, wish.value).as_string(None),
        outcome=outcome,
        detail=detail,
        value=wish.value,
    )


def _lack(connection: Connection, role: str) -> list[str]:
    """What this role or this server needs before ALTER SYSTEM can be used safely."""
    is_forbidden, may_reload, may_read = connection.execute(
        "SELECT coalesce(current_setting('allow_alter_system', true), 'on') = 'off',"
        " has_function_privilege('pg_reload_conf()', 'EXECUTE'),"
        " has_table_privilege('pg_file_settings', 'SELECT')"
        " AND has_function_privilege('pg_show_all_file_settings()', 'EXECUTE')"
    ).fetchone() or (True, False, False)
    lack = []
    if is_forbidden:
        lack.append("this server has allow_alter_system off")
    if not may_reload:
        lack.append(f"GRANT EXECUTE ON FUNCTION pg_reload_conf() TO {role}")
    if not may_read:
        lack.append(
            f"GRANT EXECUTE ON FUNCTION pg_show_all_file_settings() TO {role};"
            f" GRANT SELECT ON pg_file_settings TO {role}"
        )
    return lack
