"""What a transform would do: which files, in which version, on how much."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from loader import sqlfiles
from loader.db import Connection, scalar
from loader.errors import UsageError
from loader.sqlfiles import SqlFile

EXPLODE, MART = "transforms/1_explode", "transforms/4_mart"
NORMALISE, MERGE = ROWS = "transforms/2_normalise", "transforms/3_merge"
# Files of a step do not depend on each other, so what follows from merged tables is a step more.
DERIVE = "transforms/4_derive"
HISTORY = "transforms/5_history"  # runs only where it is asked for


@dataclass(frozen=True, slots=True)
class Plan:
    """The files in their order, each with its state: new, changed, run or skip."""

    files: tuple[tuple[SqlFile, str], ...]
    waiting_pages: int
    waiting_rows: int
    carried_on: int  # documents that a transform has committed without their rows, in slices
    mode: str  # transform, rebuild (of everything) or rebuild of tables
    remade: tuple[SqlFile, ...] = ()  # run once more, over all documents: they were edited

    @property
    def takes_all_documents(self) -> bool:
        return self.mode != "transform"

    @property
    def explodes(self) -> bool:
        return self.mode != "rebuild of tables"

    @property
    def count(self) -> int:
        """Files that run, where nothing is divided into slices."""
        return len(self.of("")) + len(self.again(*ROWS))

    def of(self, *steps: str) -> list[SqlFile]:
        """The files of these steps that are to be run."""
        return [f for f, state in self.files if state != "skip" and f.name.startswith(steps)]

    def again(self, *steps: str) -> list[SqlFile]:
        """Those of them whose rows are made again from all documents."""
        return [file for file in self.remade if file.name.startswith(steps)]


def make_plan(
    connection: Connection, rebuild: Sequence[str] | None, *, keeps_history: bool = False
) -> Plan:
    """Compare the files with the ledger; rebuild: None, or names (empty: everything).

    Raises UsageError for a name that no file has.
    """
    wanted = set(rebuild or ())
    known = {file.stem for file in sqlfiles.find(*ROWS, DERIVE, MART)}
    if unknown := sorted(wanted - known):
        raise UsageError(
            "there is nothing of that name to rebuild",
            detail=", ".join(unknown),
            hint="names: " + ", ".join(sorted(known)),
        )
    last = _last_checksums(connection)
    views = _views(connection)
    steps = (EXPLODE, *ROWS, DERIVE, MART, *([HISTORY] if keeps_history else []))
    files = tuple(
        (file, _state(file, last, has_view=file.stem in views and not wanted))
        for file in sqlfiles.find(*steps)
        # Single tables are made from the kept documents: what waits in staging goes on waiting.
        if not wanted or _is_made_with(file, wanted)
    )
    # What such a file made before is out of date; its stem names all that make the same rows.
    edited = {file.stem for file, state in files if last and _makes_rows(file) and state != "run"}
    remade = tuple(file for file, _ in files if _makes_rows(file) and _is_made_with(file, edited))
    pages, rows = connection.execute(
        "SELECT count(*), coalesce(sum(pages.rows), 0) FROM ops.pages INNER JOIN ops.runs"
        " ON runs.id = pages.run_id WHERE runs.kind = 'load' AND runs.transformed_by IS NULL"
        " AND pages.status = 'staged'"
    ).fetchone() or (0, 0)
    mode = "rebuild of tables" if wanted else "rebuild" if rebuild is not None else "transform"
    carried_on = scalar(
        connection,
        "SELECT count(*) FROM amo.documents WHERE changed_run > (SELECT coalesce(max(id), 0)"
        " FROM ops.runs WHERE kind = 'transform' AND status = 'ok'"
        " AND mode <> 'rebuild of tables')",
    )
    return Plan(files, pages, rows, carried_on, mode, remade if mode == "transform" else ())


def _makes_rows(file: SqlFile) -> bool:
    return file.name.startswith((*ROWS, DERIVE))


def _is_made_with(file: SqlFile, stems: set[str]) -> bool:
    """Derived tables follow whatever is made again, a view alone excepted."""
    if file.name.startswith(DERIVE) and stems & {row.stem for row in sqlfiles.find(*ROWS, DERIVE)}:
        return True
    return file.stem in stems


def _last_checksums(connection: Connection) -> dict[str, str]:
    rows = connection.execute(
        "SELECT DISTINCT ON (transforms.name) transforms.name, transforms.checksum"
        " FROM ops.transforms INNER JOIN ops.runs ON runs.id = transforms.run_id"
        " WHERE runs.status = 'ok' ORDER BY transforms.name, transforms.run_id DESC"
    )
    return {str(name): str(checksum) for name, checksum in rows}


def _views(connection: Connection) -> set[str]:
    rows = connection.execute(
        "SELECT relname FROM pg_class WHERE relnamespace = 'mart'::regnamespace"
    )
    return {str(name) for (name,) in rows}


def _state(file: SqlFile, last: dict[str, str], *, has_view: bool) -> str:
    """A file of 4_mart defines a view, and no documents change that: to replace it needlessly

    locks readers out, and waits for the slowest of them meanwhile. Unless its head has a line
    "Runs": then it sees itself whether there is anything to do.
    """
    if file.name not in last:
        return "new"
    if last[file.name] != file.checksum:
        return "changed"
    defines_view = file.name.startswith(MART) and not file.head("Runs")
    return "skip" if defines_view and has_view else "run"
