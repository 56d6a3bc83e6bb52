"""The documentation is right: its commands run, its options, codes, links and tests exist."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from loader.errors import AmoError
from loader.settings import NAMES
from sandbox import process
from sandbox.process import Sandbox
from tests.conftest import DRIVE
from tests.support import docs
from tests.support.commands import ROOT, Commands
from tests.support.docs import GUIDES
from tests.support.servers import Server
from tests.support.tutorial import SECRET, Desk, why_not

OPERATIONS = ROOT / "docs" / "OPERATIONS.md"
RUSSIAN = ROOT / "README.ru.md"
WITH_COMMANDS = [path for path in GUIDES if path != RUSSIAN and docs.typed(path)]

# What a reader has made before, page by page.
BEFORE = {
    "contrib/README.md": "CREATE ROLE grafana; CREATE ROLE anna",
    "README.md": "CREATE TABLE my_list AS SELECT id AS company_id FROM amo.companies LIMIT 3",
    "docs/MART.md": "CREATE VIEW public.my_report AS SELECT id FROM mart.leads",
}


@pytest.fixture(scope="module")
def granting() -> Iterator[Sandbox]:
    """The account that the template was loaded from, and an integration in it."""
    flags = ("--companies", "60", "--seed", "7", *DRIVE, "--client-secret", SECRET)
    with process.start(*flags) as account:
        yield account


@pytest.fixture
def desk(tmp_path: Path, loaded: Commands, dsn: str, granting: Sandbox) -> Desk:
    """A database as after a night, to be worked on by one page."""
    prepared = Desk(tmp_path, dsn, granting)
    prepared.prepare()
    return prepared


@contextmanager
def nothing_left(dsn: str, restored: str) -> Iterator[None]:
    """What belongs to the server and not to the database of the test goes at the end."""
    query = "SELECT quote_ident(rolname) FROM pg_roles"
    with psycopg.connect(dsn, autocommit=True) as connection:
        before = connection.execute(query).fetchall()
        try:
            yield
        finally:
            connection.execute(f"DROP DATABASE IF EXISTS {restored} WITH (FORCE)".encode())
            made = [row[0] for row in connection.execute(query) if row not in before]
            for statement in ("DROP OWNED BY {} CASCADE", "DROP ROLE {}"):
                for role in made:
                    connection.execute(statement.format(role).encode())


def execute(dsn: str, statement: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(statement.encode())


@pytest.mark.parametrize("page", WITH_COMMANDS, ids=docs.name)
def test_commands_run(page: Path, desk: Desk, server: Server) -> None:
    """Every command of a console block that is not on the list of those left out."""
    commands = [command for command in docs.typed(page) if not why_not(command.text)]
    restored = f"amo_restored_{os.getpid()}"
    with nothing_left(desk.dsn, restored):
        execute(desk.dsn, BEFORE.get(docs.name(page), "SELECT"))
        ran = desk.run(commands, server.database(restored))

    where = docs.name(page)
    wrong = [f"{where}:{one.line}: {one.text}\n{one.log}" for one in ran if not one.is_right]
    assert not wrong, "\n".join(wrong)


def test_the_russian_page_has_the_same_commands() -> None:
    """They were run from the pages that it is a translation of."""
    known = {docs.bare(command) for page in WITH_COMMANDS for command in docs.typed(page)}

    assert {docs.bare(command) for command in docs.typed(RUSSIAN)} - known == set()


def test_demo() -> None:
    """The first command of README.md, on a machine without any PostgreSQL configured."""
    with tempfile.TemporaryDirectory() as home:
        Path(home).chmod(0o755)
        result = Commands({"AMO_HOME": home}).ok("demo", "--companies", "5")

    assert "answers 429 (too many requests): 0" in result.out
    assert "done in " in result.out


def test_every_exit_code_is_explained() -> None:
    """In the tables of README.md, README.ru.md and OPERATIONS.md."""
    codes = {error.exit_code for error in AmoError.__subclasses__()} - {1} | {0, 130, 143}
    for page in (ROOT / "README.md", RUSSIAN, OPERATIONS):
        rows = re.findall(r"(?m)^\| ([\d, ]+) \|", page.read_text(encoding="utf-8"))
        explained = {int(code) for row in rows for code in row.split(",")}
        assert codes <= explained, docs.name(page)


def test_every_setting_is_explained() -> None:
    """In the table of OPERATIONS.md."""
    table = OPERATIONS.read_text(encoding="utf-8")

    assert [name for name in NAMES if f"`AMO_{name.upper()}`" not in table] == []


@pytest.mark.parametrize("page", docs.pages(), ids=docs.name)
def test_links_lead_somewhere(page: Path) -> None:
    """Relative ones, with their anchors."""
    broken = []
    for link in docs.links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        is_there = target.exists() and target.is_relative_to(ROOT)
        if not is_there or (anchor and anchor not in docs.anchors(target)):
            broken.append(link)

    assert broken == [], ", ".join(broken)


def test_every_promise_names_tests_that_exist() -> None:
    """GUARANTEES.md: file and function, and none without."""
    rows = re.findall(
        r"(?m)^\| (G\d+) \|.*\| ([^|]*) \|$", (ROOT / "docs/GUARANTEES.md").read_text()
    )
    missing = []
    for promise, tests in rows:
        file = ""
        named = re.findall(r"`(\w+\.py)?(?:::(\w+))?`", tests)
        for given, function in named:
            file = given or file
            path = ROOT / "tests" / file
            if not path.is_file() or (function and f"def {function}(" not in path.read_text()):
                missing.append((promise, file, function))
        if not named:
            missing.append((promise, "no test", ""))

    assert rows
    assert missing == []
