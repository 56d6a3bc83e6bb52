"""Everything that can go wrong and that a DBA can act on, each with its exit code.

An error has PostgreSQL's three parts: what happened, DETAIL with the value or the
statement, HINT with what to do. Whatever is not an `AmoError` is a bug in this program
and keeps its traceback (exit 1).
"""

from __future__ import annotations


class AmoError(Exception):
    """An error with an exit code (../design: numbers are contract) and a way out."""

    exit_code = 1

    def __init__(self, what: str, *, detail: str = "", hint: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.detail = detail
        self.hint = hint

    def lines(self) -> list[str]:
        """The message as it goes to stderr, one part per line."""
        parts = [f"ERROR [{self.exit_code}]: {self.what}"]
        parts += [f"DETAIL: {line}" for line in self.detail.splitlines()]
        parts += [f"HINT: {line}" for line in self.hint.splitlines()]
        return parts


class StaleError(AmoError):
    """What was read last is older than somebody wants it to be."""

    exit_code = 1


class UsageError(AmoError):
    """The command line or the configuration is wrong."""

    exit_code = 2


class SqlError(AmoError):
    """A SQL file failed, or a check after it found rows; its transaction was rolled back."""

    exit_code = 3


class PartialError(AmoError):
    """Some streams failed; the others are committed."""

    exit_code = 20


class DeleteGuardError(AmoError):
    """More entities vanished than --max-delete-pct allows; none was marked as deleted."""

    exit_code = 22


class LockedError(AmoError):
    """Another run holds the lock of this account."""

    exit_code = 50


class ConnectError(AmoError):
    """PostgreSQL or amoCRM cannot be reached."""

    exit_code = 56


class SchemaError(AmoError):
    """The schema in the database is not the one this version works with."""

    exit_code = 58


class CredentialsError(AmoError):
    """amoCRM refused the token."""

    exit_code = 60


class BlockedError(AmoError):
    """amoCRM blocked the account or this address; asking again makes it worse."""

    exit_code = 61


class TemporaryError(AmoError):
    """Nothing is wrong here; the same command later continues."""

    exit_code = 75


class Interrupted(AmoError):  # noqa: N818 - it is a signal, not an error
    """SIGTERM or SIGINT: the pages in flight were finished, the next run continues."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(
            "the run was stopped by a signal",
            detail="every page that was committed is kept",
            hint="run the same command again: it continues where this one stopped",
        )
        self.exit_code = 128 + signal_number
