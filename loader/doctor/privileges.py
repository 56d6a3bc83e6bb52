"""The check of what the role may do, command by command."""

from __future__ import annotations

from typing import LiteralString

from loader.doctor.finding import Finding, Skip, fail, ok, warn
from loader.doctor.scene import Scene

_DML = ["SELECT", "INSERT", "UPDATE", "DELETE"]

# (command, schema, relations or None for all tables, what it needs on each); OWNER and VACUUM
# are no privileges in the sense of GRANT. Of ops all but tokens and migrations.
NEEDS: tuple[tuple[str, str, list[str] | None, list[str]], ...] = (
    ("load", "staging", ["pages", "epoch"], [*_DML, "TRUNCATE"]),
    ("load", "ops", None, _DML),
    ("transform", "staging", None, [*_DML, "TRUNCATE"]),
    ("transform", "amo", None, _DML),
    ("transform", "ops", None, _DML),
    ("transform", "mart", None, ["OWNER"]),
    ("VACUUM", "amo", None, ["VACUUM"]),
    ("VACUUM", "staging", None, ["VACUUM"]),
    ("tune", "amo", None, ["OWNER"]),
    ("migrate", "amo", None, ["OWNER"]),
)

# MAINTAIN is a privilege since 17; before, its name is an error.
_MISSING: LiteralString = """
    SELECT
        need.command,
        need.privilege,
        count(*),
        min(format('%%I.%%I', namespace.nspname, relation.relname))
    FROM (
        SELECT
            wanted.command,
            wanted.namespace,
            wanted.relations,
            unnest(wanted.privileges::text[]) AS privilege
        FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[])
            AS wanted (command, namespace, relations, privileges)
    ) AS need
    INNER JOIN pg_namespace AS namespace ON namespace.nspname = need.namespace
    INNER JOIN pg_class AS relation
        ON relation.relnamespace = namespace.oid
        AND relation.relkind = ANY (CASE need.namespace WHEN 'mart' THEN '{v}' ELSE '{r}' END
            ::"char"[])
        AND (need.relations IS NULL OR relation.relname = ANY (need.relations::text[]))
        AND NOT (need.namespace = 'ops' AND relation.relname IN ('tokens', 'migrations'))
    WHERE
        NOT has_schema_privilege(namespace.oid, 'USAGE')
        OR NOT CASE
            WHEN need.privilege = 'OWNER' OR need.privilege = 'VACUUM' THEN
                pg_has_role(relation.relowner, 'USAGE')
                OR need.privilege = 'VACUUM' AND CASE
                    WHEN current_setting('server_version_num')::integer >= 170000
                    THEN has_table_privilege(relation.oid, 'MAINTAIN')
                END IS TRUE
            ELSE has_table_privilege(relation.oid, need.privilege)
        END
    GROUP BY need.command, need.privilege
    ORDER BY need.command, need.privilege
"""
_SCHEMAS: LiteralString = """
    SELECT nspname, has_schema_privilege(oid, 'USAGE'), has_schema_privilege(oid, 'CREATE')
    FROM pg_namespace
    WHERE nspname IN ('staging', 'amo', 'mart', 'ops')
    ORDER BY nspname
"""


def privileges(scene: Scene) -> Finding:
    """The role may do what load, transform, tune and migrate do

    FAIL: load or transform would be refused. WARN: only what needs the owner of the tables.
    """
    if scene.is_monitoring and not scene.may("INSERT", "ops.runs"):
        raise Skip(f"{scene.db.info.user} is a role for looking only")
    missing: dict[str, list[str]] = {}
    for schema, may_use, may_create in scene.db.execute(_SCHEMAS):
        if not may_use:
            for command in ("load", "transform"):
                missing.setdefault(command, []).append(f"USAGE on schema {schema}")
        elif schema == "mart" and not may_create:
            missing.setdefault("transform", []).append("CREATE on schema mart")
    for command, privilege, count, name in scene.db.execute(_MISSING, _columns()):
        more = f" and {count - 1} more" if count > 1 else ""
        what = {"OWNER": "to own", "VACUUM": "to own"}.get(privilege, f"{privilege} on")
        missing.setdefault(command, []).append(f"{what} {name}{more}")
    if not missing:
        return ok("enough for load, transform, VACUUM, tune and migrate")
    words = [f"{command} lacks {', '.join(lacks[:2])}" for command, lacks in missing.items()]
    detail = "; ".join(words)
    if missing.keys() & {"load", "transform"}:
        return fail(detail, "run as the role that owns the schemas staging, amo, mart and ops")
    hint = "to load and to transform that is enough; the rest is for the owner of the tables"
    if "VACUUM" in missing:
        hint += ", who also has to vacuum and analyze them"
    return warn(detail, hint)


def _columns() -> list[list[str | None]]:
    """The needs as four arrays; an array in an array is its text."""
    return [
        [need[0] for need in NEEDS],
        [need[1] for need in NEEDS],
        [None if need[2] is None else "{" + ",".join(need[2]) + "}" for need in NEEDS],
        ["{" + ",".join(need[3]) + "}" for need in NEEDS],
    ]
