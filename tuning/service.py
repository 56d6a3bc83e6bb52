"""What a managed service, or the role, does not allow: detected, never assumed.

A role named rds_superuser proves nothing: people create it to run the migrations of production
at home. What a service cannot give away is its own superuser, whom only it has.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

# superuser of the service: (what it is, where settings are changed)
_SERVICES: Mapping[str, tuple[str, str]] = {
    "rdsadmin": ("Amazon RDS or Aurora", "the parameter group"),
    "cloudsqladmin": ("Google Cloud SQL", "the flags of the instance"),
    "alloydbadmin": ("Google AlloyDB", "the flags of the instance"),
    "azuresu": ("Azure Database for PostgreSQL", "the server parameters"),
    "azure_superuser": ("Azure Database for PostgreSQL", "the server parameters"),
    "supabase_admin": ("Supabase", "its own settings"),
    "cloud_admin": ("Neon", "its console"),
}


@dataclass(frozen=True, slots=True)
class Service:
    """A managed service; evidence is what gave it away."""

    name: str
    place: str
    evidence: str


@dataclass(frozen=True, slots=True)
class Rights:
    """Of the role that asks."""

    role: str
    is_superuser: bool
    may_alter: frozenset[str] = frozenset()  # settings it may ALTER SYSTEM
    allows_alter_system: bool = True  # allow_alter_system, since 17
    service: Service | None = None


@dataclass(frozen=True, slots=True)
class Hurdle:
    """Why a value cannot be set as it is printed. is_final: not by any role either."""

    text: str
    is_final: bool


def detect(superusers: Collection[str], *, is_superuser: bool) -> Service | None:
    """Which service runs this server? superusers: all roles that are one."""
    if is_superuser:
        return None
    for role, (name, place) in _SERVICES.items():
        if role in superusers:
            return Service(name, place, f"its superuser {role} exists")
    return None


def hurdle(name: str, context: str, source: str, rights: Rights) -> Hurdle | None:
    """What stands in the way of ALTER SYSTEM SET name; None: nothing.

    context, source: as in pg_settings.
    """
    if context == "internal":
        return Hurdle("fixed when the server was built or initialised", is_final=True)
    if rights.service:
        return Hurdle(f"{rights.service.name}: set it in {rights.service.place}", is_final=True)
    if not rights.allows_alter_system:
        return Hurdle(
            "allow_alter_system is off: set it where this server is configured", is_final=True
        )
    if source == "command line":
        return Hurdle(
            "given on the server's command line, which ALTER SYSTEM cannot change", is_final=True
        )
    if not rights.is_superuser and name not in rights.may_alter:
        return Hurdle(
            f"{rights.role} may not: a superuser, or GRANT ALTER SYSTEM ON PARAMETER {name}",
            is_final=False,
        )
    return None
