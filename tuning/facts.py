"""What the server says of itself: statistics, what the last runs cost, what a role may do."""

from __future__ import annotations

from typing import Any, LiteralString

from loader.db import Connection, scalar
from tuning import service
from tuning.service import Rights
from tuning.situation import Measured, Table

_PG17 = 170000


_RIGHTS: LiteralString = """
    SELECT current_user, rolsuper, (SELECT array_agg(rolname::text) FROM pg_roles WHERE rolsuper),
        coalesce(current_setting('allow_alter_system', TRUE), 'on') = 'on'
    FROM pg_roles
    WHERE rolname = current_user
"""

# Statistics of the database that is asked for hits; temporary files of all.
_STATISTICS: LiteralString = """
    SELECT
        coalesce(sum(blks_hit) FILTER (WHERE datname = current_database()), 0)::bigint,
        coalesce(sum(blks_read) FILTER (WHERE datname = current_database()), 0)::bigint,
        coalesce(sum(temp_files), 0)::bigint,
        coalesce(sum(temp_bytes), 0)::bigint,
        extract(epoch FROM now() - coalesce(
            max(stats_reset) FILTER (WHERE datname = current_database()),
            pg_postmaster_start_time()
        ))::double precision / 86400
    FROM pg_stat_database
"""

# After 16 they have a view of their own; a name that does not exist must not be parsed.
_CHECKPOINTS: LiteralString = "SELECT checkpoints_timed, checkpoints_req FROM pg_stat_bgwriter"
_CHECKPOINTS_17: LiteralString = "SELECT num_timed, num_requested FROM pg_stat_checkpointer"

_TABLES: LiteralString = """
    SELECT
        format('%I.%I', namespace.nspname, relation.relname),
        greatest(relation.reltuples, 0)::double precision,
        coalesce(relation.reloptions, '{}'),
        pg_has_role(relation.relowner, 'USAGE')
    FROM pg_class AS relation
    INNER JOIN pg_namespace AS namespace ON relation.relnamespace = namespace.oid
    WHERE namespace.nspname = 'amo' AND relation.relkind = 'r'
"""

_LAST_LOAD: LiteralString = """
    SELECT sum(page.bytes::bigint)::bigint
    FROM ops.pages AS page
    WHERE page.run_id = (
        SELECT max(run.id) FROM ops.runs AS run
        WHERE run.kind = 'load' AND run.mode = 'full' AND run.status = 'ok'
    )
"""

# Of files that ran: a transform that failed wrote WAL too.
_WAL: LiteralString = """
    SELECT (array_agg(summed.bytes ORDER BY summed.run_id DESC))[1], max(summed.bytes)
    FROM (
        SELECT run_id, sum(wal_bytes)::bigint AS bytes
        FROM ops.transforms GROUP BY run_id ORDER BY run_id DESC LIMIT 30
    ) AS summed
"""


def rights(connection: Connection) -> Rights:
    """What this role may do with the settings of the server."""
    role, is_superuser, superusers, allows = _row(connection, _RIGHTS)
    granted = connection.execute(
        "SELECT name FROM pg_settings WHERE has_parameter_privilege(name, 'ALTER SYSTEM')"
    )
    return Rights(
        role,
        is_superuser,
        frozenset(row[0] for row in granted),
        allows,
        service.detect(superusers or (), is_superuser=is_superuser),
    )


def measured(connection: Connection) -> Measured:
    """Statistics and ledgers; what a database without our schema does not have is None."""
    hits, reads, temp_files, temp_bytes, days = _row(connection, _STATISTICS)
    is_new = connection.info.server_version >= _PG17
    timed, requested = _row(connection, _CHECKPOINTS_17 if is_new else _CHECKPOINTS)
    load_json = last_wal = most_wal = None
    if _may_read(connection, "ops.pages") and _may_read(connection, "ops.runs"):
        load_json = scalar(connection, _LAST_LOAD)
    if _may_read(connection, "ops.transforms"):
        last_wal, most_wal = _row(connection, _WAL)
    return Measured(
        load_json_bytes=load_json,
        transform_wal_bytes=last_wal,
        most_wal_bytes=most_wal,
        staging_bytes=_size(connection, "staging.pages"),
        documents_bytes=_size(connection, "amo.documents"),
        hit_blocks=hits,
        read_blocks=reads,
        temp_files=temp_files,
        temp_bytes=temp_bytes,
        stats_days=days,
        checkpoints_timed=timed,
        checkpoints_requested=requested,
    )


def tables(connection: Connection) -> tuple[Table, ...]:
    """The final tables, with the rows that the planner believes in."""
    return tuple(
        Table(name, rows, dict(option.split("=", 1) for option in options), is_ours)
        for name, rows, options, is_ours in connection.execute(_TABLES)
    )


def wal_bytes(connection: Connection) -> int | None:
    """What pg_wal takes now; None for a role without pg_monitor."""
    if not scalar(connection, "SELECT has_function_privilege('pg_ls_waldir()', 'EXECUTE')"):
        return None
    return int(scalar(connection, "SELECT coalesce(sum(size), 0)::bigint FROM pg_ls_waldir()"))


def _may_read(connection: Connection, table: str) -> bool:
    schema = table.partition(".")[0]
    return bool(
        scalar(
            connection,
            "SELECT has_schema_privilege(oid, 'USAGE')"
            " AND coalesce(has_table_privilege(to_regclass(%s), 'SELECT'), FALSE)"
            " FROM pg_namespace WHERE nspname = %s",
            (table, schema),
        )
    )


def _size(connection: Connection, table: str) -> int | None:
    """With TOAST, without indexes; None where it is not there or not ours to see."""
    if not _may_read(connection, table):
        return None
    return int(scalar(connection, "SELECT pg_table_size(to_regclass(%s))", (table,)))


def _row(connection: Connection, query: LiteralString) -> tuple[Any, ...]:
    row = connection.execute(query).fetchone()
    return row or (None,) * 8
