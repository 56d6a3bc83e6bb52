"""Transforms: the SQL files of all steps and the checks, in one transaction or in slices."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import psycopg

from loader import __version__, epochs, locks, migrate, runs, sqlfiles, vacuum
from loader.db import Connection, scalar
from loader.errors import AmoError, TemporaryError
from loader.plan import DERIVE, EXPLODE, HISTORY, MART, ROWS, Plan, make_plan
from loader.progress import OnFile, unwatched
from loader.slices import Slices
from loader.sqlfiles import SqlFile
from loader.step import Step, run_check, run_file
from loader.versions import History
from tuning import revert


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
    *,
    refreshed_by: int | None = None,
    raises_work_mem: bool = True,
    on_file: OnFile = unwatched,
) -> Done:
    """Run all steps and checks. Nothing is kept when one fails, or no more than whole slices.

    rebuild: None, or names of tables to make again from the kept documents (empty: all).
    chunk_rows: None for one transaction, or how many documents a transaction carries on.
    history: None, or how long versions of documents are kept.
    refreshed_by: the refresh that this is a part of.
    raises_work_mem: to 64 MB at least; False for who measures what less of it does.
    on_file: told before each file, on_step after it.
    Raises SqlError naming file and line, LockedError, SchemaError, and, after everything else
    was transformed, TemporaryError when the pages of a load were lost in a server crash.
    """
    migrate.require_current(connection)
    revert.recover(connection)
    _lock_accounts(connection)
    epochs.ensure(connection)
    todo = make_plan(connection, rebuild, keeps_history=history is not None)
    slices = Slices(connection, chunk_rows, raises_work_mem)
    run_id = _begin(connection, todo, refreshed_by)
    work = _Work(connection, todo, slices, run_id, on_step, on_file)
    try:
        with slices.whole():
            with slices.part():
                work.explode(history)
            slices.carry_on(work.make_rows)
            if todo.remade:
                with slices.part():
                    work.take_all_documents(todo.again(*ROWS))
                slices.carry_on(work.make_again)
            with slices.part():
                work.conclude()
                runs.finish(connection, work.run_id, "ok", 0, "")
    except AmoError as exc:
        with suppress(psycopg.OperationalError):  # gone; why is said by the error itself
            runs.finish(connection, work.run_id, "failed", exc.exit_code, exc.what)
        raise
    runs.log_end(connection, work.run_id)
    vacuum.run(connection, slices.written)
    _report_lost_pages(connection)
    return Done(work.run_id, chunk_rows is not None, slices.seconds, slices.longest_seconds)


@dataclass(frozen=True, slots=True)
class _Work:
    """The parts of one transform, each to be done within a transaction."""

    connection: Connection
    todo: Plan
    slices: Slices
    run_id: int
    on_step: Callable[[Step], None]
    on_file: OnFile

    def explode(self, history: History | None) -> None:
        """Bring the documents up to the pages, and list those whose rows are to be made."""
        if not self.todo.explodes:
            self.connection.execute("TRUNCATE staging.items")
            self.take_all_documents(self.todo.of(*ROWS))
            return
        self._run(self.todo.of(EXPLODE))
        self._check("1_explode")
        if history:
            # Together with the documents: what is committed of them is kept in its versions.
            self.connection.execute(
                "SELECT set_config('amo.history_days', %s, TRUE)", (str(history.days or ""),)
            )
            self._run(self.todo.of(HISTORY))
            self._check("5_history")
        if self.todo.takes_all_documents:
            self._list_all_documents()

    def make_rows(self) -> None:
        """Make the rows of the documents on the list, which give all their rejects again."""
        if self.todo.explodes:
            self.connection.execute(
                "DELETE FROM ops.rejects USING ops.runs, staging.changes"
                " WHERE runs.id = rejects.run_id AND runs.kind = 'transform'"
                " AND changes.stream = rejects.stream AND changes.id = rejects.entity_id"
            )
        self._run(self.todo.of(*ROWS))
        self._check("3_merge")

    def take_all_documents(self, files: Sequence[SqlFile]) -> None:
        """These files go through all documents, and give all their rejects again."""
        self.connection.execute(
            "DELETE FROM ops.rejects WHERE file = ANY (%s)", ([file.name for file in files],)
        )
        self.connection.execute("TRUNCATE staging.changes")
        self._list_all_documents()

    def make_again(self) -> None:
        """The rows of edited files, from the documents on the list."""
        self._run(self.todo.again(*ROWS))

    def conclude(self) -> None:
        """What follows from the tables as a whole; views last, since they may lock readers out."""
        # Tables that have not changed need no look; by hand they get one.
        if self.todo.mode == "transform" and not self.todo.again(DERIVE):
            self.connection.execute("SET LOCAL amo.changes_only = on")
        self._run(self.todo.of(DERIVE, MART))

    def _run(self, files: Iterable[SqlFile]) -> None:
        for file in files:
            self.on_file(file.name, self.todo.count)
            self.on_step(run_file(self.connection, file, self.run_id, self.slices.safe))

    def _check(self, step: str) -> None:
        for file in sqlfiles.find("checks") if self.todo.explodes else ():
            if file.head("After") == step:
                run_check(self.connection, file, self.slices.safe)

    def _list_all_documents(self) -> None:
        self.connection.execute(
            "INSERT INTO staging.changes (account_id, stream, id, entity_id, is_new)"
            " SELECT account_id, stream, id, entity_id, FALSE FROM staging.document_keys"
            " ON CONFLICT DO NOTHING"
        )
        self.connection.execute("ANALYZE staging.changes")


def _begin(connection: Connection, todo: Plan, refreshed_by: int | None) -> int:
    """A new transform run; one that a crash left open is closed, its work is taken over."""
    with connection.transaction():
        connection.execute(
            "UPDATE ops.runs SET status = 'failed', finished_at = now(),"
            " message = 'ended without a word' WHERE kind = 'transform' AND status = 'running'"
        )
        run_id = scalar(
            connection,
            "INSERT INTO ops.runs (kind, mode, version, refreshed_by)"
            " VALUES ('transform', %s, %s, %s) RETURNING id",
            (todo.mode, __version__, refreshed_by),
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
