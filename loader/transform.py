"""Transforms: the SQL files of all steps and the checks, in one transaction or in slices."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from loader import __version__, epochs, locks, migrate, runs, sqlfiles, vacuum
from loader.db import Connection, scalar
from loader.errors import AmoError, TemporaryError
from loader.plan import DERIVE, EXPLODE, HISTORY, MART, ROWS, Plan, make_plan
from loader.slices import Slices
from loader.sqlfiles import SqlFile
from loader.step import Step, run_check, run_file
from loader.versions import History


@dataclass(frozen=True, slots=True)
class Done:
    """A transform: its run, seconds of each slice, and seconds of its longest transaction."""

    run_id: int
    is_sliced: bool
    slices: Sequence[float]
    longest_seconds: float


def transform(
    connection: Connection,
    rebuild: Sequence[str] | None = None,
    on_step: Callable[[Step], None] = lambda step: None,
    chunk_rows: int | None = None,
    history: History | None = None,
) -> Done:
    """Run all steps and checks. Nothing is kept when one fails, or no more than whole slices.

    rebuild: None, or names of tables to make again from the kept documents (empty: all).
    chunk_rows: None for one transaction, or how many documents a transaction carries on.
    history: None, or how long versions of documents are kept.
    Raises SqlError naming file and line, LockedError, SchemaError, and, after everything else
    was transformed, TemporaryError when the pages of a load were lost in a server crash.
    """
    migrate.require_current(connection)
    _lock_accounts(connection)
    epochs.ensure(connection)
    todo = make_plan(connection, rebuild, keeps_history=history is not None)
    run_id = _begin(connection, todo)
    slices = Slices(connection, chunk_rows)

    def run(files: Iterable[SqlFile]) -> None:
        for file in files:
            on_step(run_file(connection, file, run_id, slices.safe))

    def check(step: str) -> None:
        for file in sqlfiles.find("checks") if todo.explodes else ():
            if file.head("After") == step:
                run_check(connection, file, slices.safe)

    def make_rows() -> None:
        run(todo.of(*ROWS))
        check("3_merge")

    try:
        with slices.whole():
            with slices.part():
                if todo.explodes:
                    run(todo.of(EXPLODE))
                    check("1_explode")
                else:
                    connection.execute("TRUNCATE staging.items, staging.changes")
                if todo.takes_all_documents:
                    _take_all_documents(connection)
            slices.carry_on(make_rows)
            if todo.remade:
                with slices.part():
                    connection.execute("TRUNCATE staging.changes")
                    _take_all_documents(connection)
                slices.carry_on(lambda: run(todo.again(*ROWS)))
            with slices.part():
                # What follows from tables that have not changed is not looked at; by hand it is.
                if todo.mode == "transform" and not todo.again(DERIVE):
                    connection.execute("SET LOCAL amo.changes_only = on")
                run(todo.of(DERIVE, MART))
                if history and history.days:
                    connection.execute(
                        "SELECT set_config('amo.history_days', %s, TRUE)", (str(history.days),)
                    )
                run(todo.of(HISTORY))
                if history:
                    check("5_history")
                runs.finish(connection, run_id, "ok", 0, "")
    except AmoError as exc:
        runs.finish(connection, run_id, "failed", exc.exit_code, exc.what)
        raise
    vacuum.run(connection, slices.written)
    _report_lost_pages(connection)
    return Done(run_id, chunk_rows is not None, slices.seconds, slices.longest_seconds)


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
        # What is gone through again gives all its rejects again: all documents, or those that
        # changed since the last transform that ended well.
        connection.execute(
            "DELETE FROM ops.rejects USING ops.runs"
            " WHERE runs.id = rejects.run_id AND runs.kind = 'transform'"
            " AND (runs.status = 'failed' OR %s)",
            (todo.mode == "rebuild",),
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
