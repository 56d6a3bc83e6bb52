"""Checks of the server: version, encoding, settings that hurt, vacuum."""

from __future__ import annotations

from typing import LiteralString

from loader.db import scalar
from loader.doctor.finding import Finding, Skip, fail, ok, warn
from loader.doctor.scene import Scene
from loader.errors import AmoError
from tuning.holder import is_direct

# The newest major version that the tests run on.
NEWEST = 18

# vacuum_failsafe_age, at which the server drops everything else.
_FAILSAFE = 1_600_000_000

# Since 16 every server has one or two collations of ICU, also when it was built without.
_FEATURES: LiteralString = """
    SELECT
        EXISTS (
            SELECT FROM pg_settings
            WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)
        ),
        (SELECT count(*) > 3 FROM pg_collation WHERE collprovider = 'i'),
        current_setting('data_checksums') = 'on'
"""
_COLLATION: LiteralString = """
    SELECT
        pg_encoding_to_char(encoding), datcollate, datctype, datcollversion,
        pg_database_collation_actual_version(oid)
    FROM pg_database
    WHERE datname = current_database()
"""
_OLDEST: LiteralString = """
    SELECT
        format('%I.%I', namespace.nspname, relation.relname),
        age(relation.relfrozenxid),
        age(relation.relfrozenxid) / coalesce(
            (
                SELECT option.option_value::double precision
                FROM pg_options_to_table(relation.reloptions) AS option
                WHERE option.option_name = 'autovacuum_freeze_max_age'
            ),
            current_setting('autovacuum_freeze_max_age')::double precision
        )
    FROM pg_class AS relation
    INNER JOIN pg_namespace AS namespace ON relation.relnamespace = namespace.oid
    WHERE
        relation.relkind IN ('r', 'm')
        AND namespace.nspname IN ('staging', 'amo', 'mart', 'ops')
    ORDER BY 3 DESC
    LIMIT 1
"""


def connection(scene: Scene) -> Finding:
    """The database can be reached

    FAIL: no connection, a server before 15, or a database that is not UTF-8.
    """
    if scene.connection is None:
        error = scene.why_not or AmoError("there is no connection")
        return fail(f"{error.what}: {error.detail}".rstrip(": "), error.hint)
    info = scene.connection.info
    where = info.host if info.host.startswith("/") else f"{info.host}:{info.port}"
    return ok(f"{info.dbname} on {where} as {info.user}")


def server_version(scene: Scene) -> Finding:
    """A version that is tested; what the server was built with

    WARN: newer than all that are tested.
    """
    version = scene.db.info.server_version
    number = str(scene.db.info.parameter_status("server_version")).split(" ", maxsplit=1)[0]
    lz4, icu, checksums = scene.db.execute(_FEATURES).fetchone() or (False, False, False)
    built = {"lz4": lz4, "ICU": icu, "checksums": checksums}
    detail = ", ".join(
        [f"{number}: MERGE", *(name if has else f"no {name}" for name, has in built.items())]
    )
    if version // 10_000 > NEWEST:
        return warn(detail, f"tested on 15 to {NEWEST}: look for a newer amo-loader")
    return ok(detail)


def writable(scene: Scene) -> Finding:
    """The server takes writes

    FAIL: a standby, or transactions are read-only. With --nagios a role may be read-only.
    """
    if not scene.is_read_only:
        return ok("it is a primary, and transactions may write")
    if scene.is_monitoring:
        raise Skip("transactions of this role are read-only")
    is_standby = scalar(scene.db, "SELECT pg_is_in_recovery()")
    what = "the server is a standby" if is_standby else "transactions are read-only"
    return fail(what, "connect to the primary, with default_transaction_read_only off")


def encoding(scene: Scene) -> Finding:
    """UTF-8, and the collation that the indexes were built with

    WARN: the library of the collation changed; indexes on text may be in another order.
    """
    row = scene.db.execute(_COLLATION).fetchone()
    encoding, collate, ctype, built, actual = row or ("?", "?", "?", None, None)
    detail = f"{encoding}, {collate}" + (f", ctype {ctype}" if ctype != collate else "")
    if None not in (built, actual) and built != actual:
        return warn(
            f"{detail}: built with collation version {built}, the system has {actual}",
            f"REINDEX DATABASE {scene.db.info.dbname}; then ALTER DATABASE"
            f" {scene.db.info.dbname} REFRESH COLLATION VERSION",
        )
    return ok(detail)


def durability(scene: Scene) -> Finding:
    """A crash of the machine costs nothing that was committed

    WARN: fsync or full_page_writes is off; a crash may cost the whole server, and we cannot help.
    """
    shown = _shown(scene, "fsync", "full_page_writes", "synchronous_commit")
    bad = [name for name in ("fsync", "full_page_writes") if shown[name] != "on"]
    if bad:
        return warn(
            f"{' and '.join(bad)} off: a crash may destroy the whole server",
            f"switch on {' and '.join(bad)} in postgresql.conf, unless the server can be thrown"
            " away; for large loads bin/tune has what is safe",
        )
    return ok(", ".join(f"{name} {value}" for name, value in shown.items()))


def autovacuum(scene: Scene) -> Finding:
    """The server cleans up behind updates

    WARN: autovacuum or track_counts, which it needs, is off.
    """
    shown = _shown(scene, "autovacuum", "track_counts")
    if bad := [name for name, value in shown.items() if value != "on"]:
        return warn(
            f"{' and '.join(bad)} off: tables grow with every night",
            f"switch on {' and '.join(bad)} in postgresql.conf",
        )
    return ok("autovacuum on")


def wraparound(scene: Scene) -> Finding:
    """Our tables are vacuumed long before transaction ids run out

    WARN: a table is more than 10 % past the age at which a vacuum is forced. FAIL: and 1.6
    billion transactions old.
    """
    row = scene.db.execute(_OLDEST).fetchone()
    if row is None:
        raise Skip("nothing of ours is in the database yet")
    name, age, share = row
    detail = f"{name}, {age:,} transactions old: {100 * share:.0f} % of the limit"
    if share <= 1.1:
        return ok(detail)
    hint = f"VACUUM (FREEZE, VERBOSE) {name}; if it does not help, look for a transaction,"
    hint += " a prepared one or a replication slot that is days old"
    return fail(detail, hint) if age > _FAILSAFE else warn(detail, hint)


def io_timing(scene: Scene) -> Finding:
    """Whether reads and writes are timed; told, never a fault"""
    value = _shown(scene, "track_io_timing")["track_io_timing"]
    return ok(f"track_io_timing {value}" + ("" if value == "on" else ": EXPLAIN shows no I/O time"))


def pooler(scene: Scene) -> Finding:
    """The connection is direct

    FAIL: there is a pooler in between; the locks of a session protect nothing there.
    """
    if is_direct(scene.db):
        return ok("none, the session is our own")
    return fail(
        "this connection goes through a pooler, where locks of a session protect nothing",
        "connect directly to PostgreSQL, usually port 5432",
    )


def _shown(scene: Scene, *names: str) -> dict[str, str]:
    rows = scene.db.execute(
        "SELECT name, setting FROM pg_settings WHERE name = ANY (%s)", (list(names),)
    )
    found = {str(name): str(value) for name, value in rows}
    return {name: found.get(name, "?") for name in names}
