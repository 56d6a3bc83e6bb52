"""What the checks look at: configuration, database, amoCRM; each is asked once."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import psycopg

from loader import migrate
from loader.config import Config
from loader.db import Connection, scalar
from loader.doctor.asked import Asked
from loader.doctor.finding import Skip
from loader.errors import AmoError


@dataclass
class Scene:
    """connection: None when there is none; why_not then says why.

    is_monitoring: by a role that may only look, so that what is not shown to it is no fault.
    """

    config: Config
    connection: Connection | None
    dsn: str = ""
    why_not: AmoError | None = None
    max_age_hours: float = 26.0
    is_offline: bool = True
    is_monitoring: bool = False
    _asked: Asked | None = field(default=None, repr=False)

    @property
    def db(self) -> Connection:
        """The connection, for checks that need one. Raises Skip without."""
        if self.connection is None:
            raise Skip("there is no connection to the database")
        if self.connection.closed:
            raise Skip("the connection to the database was lost")
        return self.connection

    @cached_property
    def state(self) -> migrate.State:
        """The schema against the files of this version. Raises psycopg.Error."""
        return migrate.inspect(self.db)

    @property
    def asked(self) -> Asked:
        """amoCRM, through its API. Raises Skip when it is not to be asked."""
        if self.is_offline:
            raise Skip("amoCRM is not asked (--offline)")
        if self.is_monitoring and not self.has_api:
            raise Skip("no account is configured here")
        if self._asked is None:
            self._asked = Asked(self.config, self.dsn, self.connection, self.may)
        return self._asked

    @property
    def has_api(self) -> bool:
        """Is anything of an account configured?"""
        names = ("base_url", "access_token", "access_token_file", "client_id")
        return any(self.config.get(name) for name in names)

    @property
    def is_read_only(self) -> bool:
        """May nothing be written through this connection?"""
        query = "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean"
        return bool(scalar(self.db, query))

    def has(self, relation: str) -> bool:
        """Does the relation exist, and may this role see its schema?"""
        try:
            return scalar(self.db, "SELECT to_regclass(%s)", (relation,)) is not None
        except psycopg.errors.InsufficientPrivilege:
            return False

    def may(self, right: str, relation: str) -> bool:
        """Has this role that right on a relation that exists?"""
        query = "SELECT has_table_privilege(to_regclass(%s), %s)"
        return self.has(relation) and bool(scalar(self.db, query, (relation, right)))

    def close(self) -> None:
        """Ask amoCRM nothing more."""
        if self._asked is not None:
            self._asked.close()
