"""The wheel that pipx installs: whole, and as good as a checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from loader import __version__
from loader.db import Connection, scalar
from sandbox.process import Sandbox
from tests.conftest import for_account
from tests.support.commands import ROOT, Result


@dataclass(frozen=True, slots=True)
class Package:
    """What was built, and a virtual environment in which the wheel is installed."""

    wheel: Path
    sdist: Path
    environment: Path

    def run(self, *arguments: str, **variables: str) -> Result:
        """The command amo, far from the checkout and without its PYTHONPATH."""
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        amo = self.environment / "bin" / "amo"
        done = subprocess.run(
            [amo, *arguments], cwd=self.environment, env=kept | variables,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        return Result(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    """Built as for PyPI; the libraries are those of the tests."""
    environment = tmp_path_factory.mktemp("package")
    _quietly([sys.executable, "-m", "venv", environment])
    python = environment / "bin" / "python"
    pip: list[str | Path] = [
        python,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ]
    _quietly([sys.executable, "-m", "hatchling", "build", "-d", environment / "dist"])
    (wheel,) = (environment / "dist").glob("*.whl")
    (sdist,) = (environment / "dist").glob("*.tar.gz")
    _quietly([*pip, "--no-deps", "--no-index", wheel])
    (own,) = environment.glob("lib/python3.*/site-packages")
    (own / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return Package(wheel, sdist, environment)


def _quietly(command: Sequence[str | Path]) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_wheel_is_whole(package: Package) -> None:
    """Every file of the packages, whatever it ends in, and the SQL inside loader/."""
    files = {
        path.relative_to(ROOT)
        for folder in ("loader", "sandbox", "sql", "tuning")
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    expected = {
        str(Path("loader", file) if file.parts[0] == "sql" else file) for file in files
    }  # fmt: skip

    with zipfile.ZipFile(package.wheel) as archive:
        names = set(archive.namelist())

    assert expected - names == set()
    assert {name for name in names - expected if ".dist-info/" not in name} == set()


def test_the_sdist_has_what_is_beside_the_packages(package: Package) -> None:
    """The roles, the line of cron and the units come with the source."""
    with tarfile.open(package.sdist) as archive:
        names = {Path(*Path(name).parts[1:]) for name in archive.getnames()}

    for folder in ("contrib", "docs", "bin", "tests"):
        files = {
            path.relative_to(ROOT)
            for path in (ROOT / folder).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }
        assert files - names == set()


def test_the_main_job(package: Package, empty_dsn: str, account: Sandbox, tmp_path: Path) -> None:
    """From an empty database to typed tables, by what the wheel brings alone."""
    settings = for_account(empty_dsn, account).environment

    for command in ("migrate up", "load", "transform", "refresh"):
        assert package.run(*command.split(), "-q", **settings) == Result(0, "", ""), command
    assert "Usage: amo load" in package.run("load", "--help").out


def test_one_version(package: Package) -> None:
    """In the code, in the name of the wheel, and in what the command says."""
    assert package.wheel.name.startswith(f"amo_loader-{__version__}-")
    assert package.run("--version").out == f"amo-loader, version {__version__}\n"
    assert package.run("load", "--version").out == f"amo-loader, version {__version__}\n"


def test_hints_name_commands_that_are_there(
    package: Package, dsn: str, connection: Connection
) -> None:
    """A wheel has no bin/: its user types amo load."""
    connection.execute("DELETE FROM ops.migrations WHERE name LIKE '0073%'")
    assert scalar(connection, "SELECT count(*) FROM ops.migrations") > 0
    settings = {"AMO_DSN": dsn, "AMO_BASE_URL": "http://127.0.0.1:1", "AMO_ACCESS_TOKEN": "token"}

    assert "HINT: amo migrate up\n" in package.run("load", **settings).err
    assert "HINT: amo load --help\n" in package.run("load", "--everything").err
