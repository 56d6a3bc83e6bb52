"""contrib/: the line in cron and the units of systemd do what their comments say."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from loader import errors, settings
from loader.db import Connection, scalar
from sandbox.process import Sandbox
from tests.support.commands import ROOT, Commands, Result
from tests.test_bad_input import assert_explains

CRON = ROOT / "contrib" / "cron" / "amo-loader"
UNITS = ROOT / "contrib" / "systemd"
SERVICE = UNITS / "amo-refresh.service"
# What systemd-analyze security may find at most, of 10; contrib/README.md says it too.
EXPOSURE = 1.5


def night(dsn: str, account: Sandbox, folder: Path) -> Result:
    """The command of the line as cron runs it, with other paths than those of a real machine."""
    token = folder / "token"
    token.write_text(account.token + "\n")
    token.chmod(0o600)
    (folder / "amo.toml").write_text(
        f'base_url = "{account.url}"\naccess_token_file = "{token}"\ndsn = "{dsn}"\nrate = 0\n'
    )
    lines = CRON.read_text().replace("/opt/amo-loader", str(ROOT))
    lines = lines.replace("/etc/amo-loader/", f"{folder}/")
    variables = dict(re.findall(r"^([A-Z_]+)=(.*)$", lines, re.MULTILINE))
    (command,) = re.findall(r"^0 3 \* \* \* +amo +(.+)$", lines, re.MULTILINE)
    given = {"HOME": str(folder), "LOGNAME": "amo", "SHELL": "/bin/sh", "PATH": "/usr/bin:/bin"}
    words = [f"{name}={value}" for name, value in (given | variables).items()]
    done = subprocess.run(
        ["env", "-i", *words, "/bin/sh", "-c", command],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr)


def test_cron(
    commands: Commands, own_account: Sandbox, connection: Connection, dsn: str, tmp_path: Path
) -> None:
    """Nothing is said of a night that went well; a refused token is, and how to get another."""
    commands.ok("refresh", "--version")  # as the installation does, which makes .venv

    assert night(dsn, own_account, tmp_path) == Result(0, "", "")
    assert scalar(connection, "SELECT count(*) FROM amo.leads") == own_account.entities["leads"]

    own_account.control("settings", {"credentials": "revoked"})
    result = night(dsn, own_account, tmp_path)
    assert result.out == ""
    assert_explains(result, 60, "access token", "amoCRM")


def test_cron_reads_the_file() -> None:
    """Debian's cron passes over names with a dot, a last line without an end, and % is one."""
    lines = CRON.read_text().splitlines(keepends=True)

    assert "." not in CRON.name
    assert lines[-1].endswith("/bin/refresh\n")
    assert "%" not in lines[-1]
    assert CRON.stat().st_mode & 0o133 == 0


@pytest.fixture
def units(tmp_path: Path) -> list[Path]:
    """The units with commands that are there; skips where there is no systemd."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed; CI has it")
    copies = []
    for unit in sorted(UNITS.iterdir()):
        copy = tmp_path / unit.name.replace("@.", "@amo-refresh.service.")
        copy.write_text(unit.read_text().replace("/opt/amo-loader", str(ROOT)))
        copies.append(copy)
    return copies


def test_systemd_understands_the_units(units: list[Path]) -> None:
    """Also what it would only warn of."""
    done = analyze("verify", "--man=no", *units)

    assert len(units) == 3
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_systemd_finds_little_exposed(units: list[Path]) -> None:
    """The service can do little beyond what it is for."""
    (service,) = (unit for unit in units if unit.name == SERVICE.name)

    done = analyze("security", "--offline=true", f"--threshold={round(10 * EXPOSURE)}", service)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "Overall exposure level for amo-refresh.service" in done.stdout
    assert f"{EXPOSURE} or less" in (ROOT / "contrib" / "README.md").read_text()


def test_systemd_tries_again_what_may_help() -> None:
    """Every exit code but two needs a person, or the same would happen again."""
    (prevented,) = re.findall(r"^RestartPreventExitStatus=(.*)$", SERVICE.read_text(), re.MULTILINE)
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    codes = {kind.exit_code for kind in kinds if issubclass(kind, errors.AmoError)}

    assert codes - {int(code) for code in prevented.split()} == {
        errors.ConnectError.exit_code,
        errors.TemporaryError.exit_code,
    }


@pytest.mark.parametrize("file", [CRON, SERVICE])
def test_settings_exist(file: Path) -> None:
    """A misspelt variable of the environment would be ignored."""
    names = set(re.findall(r"^(?:Environment=)?AMO_([A-Z_]+)=", file.read_text(), re.MULTILINE))

    assert "CONFIG" in names
    assert names - {"CONFIG"} <= {name.upper() for name in settings.NAMES}


def test_credentials_of_systemd(commands: Commands, account: Sandbox, tmp_path: Path) -> None:
    """Where it opens them to the service by an ACL, their group seems to have a right."""
    token = tmp_path / "token"
    token.write_text(account.token)
    load = ("load", "--stream", "account")
    secret = {"AMO_ACCESS_TOKEN": "", "AMO_ACCESS_TOKEN_FILE": str(token)}
    handed_over = secret | {"CREDENTIALS_DIRECTORY": str(tmp_path)}

    token.chmod(0o440)
    commands.ok(*load, **handed_over)
    assert commands.run(*load, **secret).code == 2
    assert commands.run(*load, **secret, CREDENTIALS_DIRECTORY=str(ROOT)).code == 2
    token.chmod(0o444)
    assert commands.run(*load, **handed_over).code == 2


def analyze(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", "--no-pager", *arguments], capture_output=True, text=True, check=False
    )
