"""Transforms: the SQL files of the four steps and the checks, in one transaction."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import psycopg

from loader import __version__, db, epochs, locks, migrate, runs, sqlfiles, vacuum
from loader.db import Connection, scalar
from loader.errors import AmoError, SqlError, TemporaryError
from loader.plan import EXPLODE, Plan, make_plan
from loader.sqlfiles import SqlFile

logger = logging.getLogger("amo.transform")

# The rows that our transaction has written so far, by kind, in what people read.
_WRITTEN = """
    SELECT
        coalesce(sum(n_tup_ins), 0), coalesce(sum(n_tup_upd), 0), coalesce(sum(n_tup_del), 0),
        pg_current_wal_insert_lsn() - '0/0'::pg_lsn
    FROM pg_stat_xact_user_tables
    WHERE schemaname IN ('amo', 'mart')
"""


@dataclass(frozen=True, slots=True)
class Step:
    """What one file did: rows written in amo and mart, WAL in bytes."""

    file: str
    seconds: float
    inserted: int
    updated: int
    deleted: int
    wal_bytes: int


def transform(
    connection: Connection,
    rebuild: Sequence[str] | None = None,
    on_step: Callable[[Step], None] = lambda step: None,
) -> int:
    """Run all steps and checks; returns the run id. Nothing is kept when one fails.

    rebuild: None, or names of tables to make again from the kept documents (empty: all).
    Raises SqlError naming file and line, LockedError, SchemaError, and, after everything else
    was transformed, TemporaryError when the pages of a load were lost in a server crash.
    """
    migrate.require_current(connection)
    _lock_accounts(connection)
    epochs.ensure(connection)
    todo = make_plan(connection, rebuild)
    run_id = _begin(connection, todo)
    try:
        with connection.transaction():
            # Sorts of keys, not of documents: need-based sizes are the tuner's work.
            connection.execute("SET LOCAL work_mem = '64MB'")
            if not todo.explodes:
                connection.execute("TRUNCATE staging.items, staging.changes")
                _take_all_documents(connection)
            for file in todo.to_run():
                on_step(_run_file(connection, file, run_id))
                if file.name.startswith(EXPLODE) and todo.takes_all_documents:
                    _take_all_documents(connection)
            if todo.explodes:
                for check in sqlfiles.find("checks"):
                    _run_check(connection, check)
            if todo.remade:
                connection.execute("TRUNCATE staging.changes")
                _take_all_documents(connection)
                for file in todo.remade:
                    on_step(_run_file(connection, file, run_id))
            runs.finish(connection, run_id, "ok", 0, "")
            written = vacuum.tables_worth_it(connection)
    except AmoError as exc:
        runs.finish(connection, run_id, "failed", exc.exit_code, exc.what)
        raise
    vacuum.run(connection, written)
    _report_lost_pages(connection)
    return run_id


def _begin(connection: Connection, todo: Plan) -> int:
    """A new transform run; one that a crash left open is closed, its work is taken over."""
    with connection.transaction():
        connection.execute(
            "UPDATE ops.runs SET status = 'failed', finished_at = now(),"
            " message = 'ended without a word' WHERE kind = 'transform' AND status = 'running'"
        )
        run_id = scalar(
            connection,
            "INSERT INTO ops.runs (kind, mode, version) VALUES ('transform', %s, %s) RETURNING id",
            (todo.mode, __version__),
        )
        if todo.mode == "rebuild":
            # All documents are gone through again and give all their rejects again.
            connection.execute(
                "DELETE FROM ops.rejects USING ops.runs"
                " WHERE runs.id = rejects.run_id AND runs.kind = 'transform'"
            )
    return int(run_id)


def _lock_accounts(connection: Connection) -> None:
    rows = connection.execute(
        "SELECT DISTINCT account_id FROM ops.runs WHERE account_id IS NOT NULL ORDER BY account_id"
    ).fetchall()
    for (account_id,) in rows:
        locks.acquire(connection, account_id)


def _report_lost_pages(connection: Connection) -> None:
    lost = scalar(
        connection,
        "SELECT max(id) FROM ops.runs WHERE kind = 'load' AND status = 'lost'"
        " AND transformed_by IS NULL",
    )
    if lost is not None:
        raise TemporaryError(
            f"the pages of load {lost} vanished in a crash of the PostgreSQL server",
            detail="staging is UNLOGGED; everything else was transformed",
            hint="run bin/load: it asks again for what was lost; then run bin/transform",
        )


def _take_all_documents(connection: Connection) -> None:
    """A changed file must see everything: put every document on the work list."""
    connection.execute(
        "INSERT INTO staging.changes (account_id, stream, id, entity_id, is_new)"
        " SELECT account_id, stream, id, entity_id, FALSE FROM staging.document_keys"
        " ON CONFLICT DO NOTHING"
    )
    connection.execute("ANALYZE staging.changes")


def _run_file(connection: Connection, file: SqlFile, run_id: int) -> Step:
    before = _written(connection)
    started = time.monotonic()
    try:
        connection.execute(file.text)
    except psycopg.Error as exc:
        error = db.explain(exc)
        if not isinstance(error, SqlError):
            raise error from exc
        raise SqlError(
            f"{file.line_of(exc)}: {exc.diag.message_primary}",
            detail=exc.diag.message_detail or exc.diag.context or "",
            hint="; ".join(
                filter(
                    None,
                    (
                        "everything was rolled back, amo.* and mart.* are as before",
                        db.remedy(exc.sqlstate or ""),
                    ),
                )
            ),
        ) from exc
    seconds = time.monotonic() - started
    after = _written(connection)
    step = Step(file.name, seconds, *(now - then for then, now in zip(before, after, strict=True)))
    connection.execute(
        "INSERT INTO ops.transforms (run_id, name, version, checksum, started_at, seconds,"
        " inserted, updated, deleted, wal_bytes) VALUES (%(run_id)s, %(file)s, %(version)s,"
        " %(checksum)s, clock_timestamp() - make_interval(secs => %(seconds)s), %(seconds)s,"
        " %(inserted)s, %(updated)s, %(deleted)s, %(wal_bytes)s)"
        # An edited file runs twice: over what changed, and over all documents.
        " ON CONFLICT ON CONSTRAINT transforms_pkey DO UPDATE SET"
        " seconds = transforms.seconds + excluded.seconds,"
        " inserted = transforms.inserted + excluded.inserted,"
        " updated = transforms.updated + excluded.updated,"
        " deleted = transforms.deleted + excluded.deleted,"
        " wal_bytes = transforms.wal_bytes + excluded.wal_bytes",
        asdict(step)
        | {"run_id": run_id, "version": file.head("Version"), "checksum": file.checksum},
    )
    logger.debug(
        "%s: %.2f s, +%s ~%s -%s", file.name, seconds, step.inserted, step.updated, step.deleted
    )
    return step


def _written(connection: Connection) -> tuple[int, int, int, int]:
    row = connection.execute(_WRITTEN).fetchone()
    assert row is not None  # noqa: S101 - an aggregate always gives a row
    inserted, updated, deleted, wal = (int(value) for value in row)
    return inserted, updated, deleted, wal


def _run_check(connection: Connection, check: SqlFile) -> None:
    findings = connection.execute(check.text).fetchmany(3)
    if findings:
        rows = "\n".join(", ".join(str(value) for value in row) for row in findings)
        raise SqlError(
            f"check {check.stem} failed: {check.head('Purpose')}",
            detail=rows,
            hint=f"everything was rolled back; run sql/{check.name}.sql by hand to see all rows",
        )
