"""One SQL file of a transform, run and measured; and one check."""

from __future__ import annotations

import logging
import time
from dataclasses import asdict, dataclass
from typing import LiteralString

import psycopg
from psycopg import sql

from loader import db
from loader.db import Connection, scalar
from loader.errors import SqlError
from loader.plan import EXPLODE, MERGE, NORMALISE
from loader.sqlfiles import SqlFile

logger = logging.getLogger("amo.transform")

# What our transaction has written so far: rows by kind in what people read, rejects, WAL.
_WRITTEN: LiteralString = """
    SELECT
        coalesce(sum(n_tup_ins) FILTER (WHERE schemaname IN ('amo', 'mart')), 0),
        coalesce(sum(n_tup_upd) FILTER (WHERE schemaname IN ('amo', 'mart')), 0),
        coalesce(sum(n_tup_del) FILTER (WHERE schemaname IN ('amo', 'mart')), 0),
        coalesce(sum(n_tup_ins) FILTER (WHERE relid = 'ops.rejects'::regclass), 0),
        pg_current_wal_insert_lsn() - '0/0'::pg_lsn
    FROM pg_stat_xact_user_tables
"""

# Of the file that writes rejects, and of the session: others see that before we commit.
_ANNOUNCE: LiteralString = """
    SELECT
        set_config('amo.file', %(file)s, TRUE),
        set_config(
            'application_name',
            split_part(current_setting('application_name'), ' ', 1)
            || replace(%(file)s, 'transforms/', ' '),
            TRUE
        )
"""

_RECORD: LiteralString = """
    INSERT INTO ops.transforms (
        run_id, name, version, checksum, started_at, seconds, rows_in, inserted, updated,
        unchanged, deleted, rejected, wal_bytes
    )
    VALUES (
        %(run_id)s, %(file)s, %(version)s, %(checksum)s,
        clock_timestamp() - make_interval(secs => %(seconds)s), %(seconds)s, %(rows_in)s,
        %(inserted)s, %(updated)s, %(unchanged)s, %(deleted)s, %(rejected)s, %(wal_bytes)s
    )
    -- It runs once per slice, and an edited file once more over all documents.
    ON CONFLICT ON CONSTRAINT transforms_pkey DO UPDATE SET
        seconds = transforms.seconds + excluded.seconds,
        rows_in = transforms.rows_in + excluded.rows_in,
        inserted = transforms.inserted + excluded.inserted,
        updated = transforms.updated + excluded.updated,
        unchanged = transforms.unchanged + excluded.unchanged,
        deleted = transforms.deleted + excluded.deleted,
        rejected = transforms.rejected + excluded.rejected,
        wal_bytes = transforms.wal_bytes + excluded.wal_bytes
"""


@dataclass(frozen=True, slots=True)
class Step:
    """What one file did, rows of amo and mart; WAL in bytes.

    rows_in: entities staged for a file of step 1, documents on the work list for one of step 2,
    typed rows for one of step 3; unchanged: those of them that were neither inserted nor updated.
    """

    file: str
    seconds: float
    rows_in: int
    inserted: int
    updated: int
    unchanged: int
    deleted: int
    rejected: int
    wal_bytes: int


def run_file(connection: Connection, file: SqlFile, run_id: int, safe: str) -> Step:
    """Run it and write its row of ops.transforms.

    Raises SqlError with file and line; `safe` says there what a failure leaves behind.
    """
    before = _written(connection)
    started = time.monotonic()
    connection.add_notice_handler(_pass_on)
    try:
        connection.execute(_ANNOUNCE, {"file": file.name})
        connection.execute(file.text)
    except psycopg.Error as exc:
        error = db.explain(exc)
        if not isinstance(error, SqlError):
            raise error from exc
        raise SqlError(
            f"{file.line_of(exc)}: {exc.diag.message_primary}",
            detail=exc.diag.message_detail or exc.diag.context or "",
            hint="; ".join(filter(None, (safe, db.remedy(exc.sqlstate or "")))),
        ) from exc
    finally:
        connection.remove_notice_handler(_pass_on)
    seconds = time.monotonic() - started
    written = (now - then for then, now in zip(before, _written(connection), strict=True))
    inserted, updated, deleted, rejected, wal_bytes = written
    rows_in = _rows_in(connection, file)
    # A file of step 2 writes no final rows, so that nothing of what it reads can be unchanged.
    unchanged = 0 if file.name.startswith(NORMALISE) else max(rows_in - inserted - updated, 0)
    step = Step(
        file.name, seconds, rows_in, inserted, updated, unchanged, deleted, rejected, wal_bytes
    )
    connection.execute(
        _RECORD,
        asdict(step)
        | {"run_id": run_id, "version": file.head("Version"), "checksum": file.checksum},
    )
    logger.debug("%s: %.2f s, +%s ~%s -%s", file.name, seconds, inserted, updated, deleted)
    return step


def run_check(connection: Connection, check: SqlFile, safe: str) -> None:
    """Raises SqlError with the first findings; `safe` as above."""
    findings = connection.execute(check.text).fetchmany(3)
    if findings:
        rows = "\n".join(", ".join(str(value) for value in row) for row in findings)
        raise SqlError(
            f"check {check.stem} failed: {check.head('Purpose')}",
            detail=rows,
            hint=f"{safe}; run sql/{check.name}.sql by hand to see all rows",
        )


def _pass_on(notice: psycopg.errors.Diagnostic) -> None:
    """What a SQL file warns of; notices such as "already exists" are no news."""
    if notice.severity_nonlocalized == "WARNING":
        hint = f"; {notice.message_hint}" if notice.message_hint else ""
        logger.warning("%s%s", notice.message_primary, hint)


def _written(connection: Connection) -> tuple[int, ...]:
    row = connection.execute(_WRITTEN).fetchone()
    assert row is not None  # noqa: S101 - an aggregate always gives a row
    return tuple(int(value) for value in row)


def _rows_in(connection: Connection, file: SqlFile) -> int:
    """The work list of the file, counted: it is in memory, and no longer than what changed."""
    step, _, _ = file.name.rpartition("/")
    tables = {EXPLODE: "items", NORMALISE: "changes", MERGE: file.stem}
    if step not in tables:
        return 0
    table = sql.Identifier("staging", tables[step])
    return int(scalar(connection, sql.SQL("SELECT count(*) FROM {}").format(table)))
