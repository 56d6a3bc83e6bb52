"""Running the commands of a page one after the other, in one shell, as a reader would."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from shutil import which

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from loader import embedded
from sandbox.process import Sandbox
from tests.support.commands import ROOT, Commands
from tests.support.docs import Typed

SECRET = "sandbox-secret"

_BY_PSQL = (
    r"pg_restore \1-f - \3 | grep -v '^SET transaction_timeout'"
    r" | psql -X -q -v ON_ERROR_STOP=1 -d \2"
)

# Commands that are not run, by a pattern, and why; everything else is.
NOT_RUN = {
    r".*\bsudo ": "needs root, and changes the machine",
    r"(jq|journalctl) ": "is not on every machine; tests/test_logs.py reads the lines",
    r"pre-commit ": "is installed by whoever wants it",
    r"bin/test\b": "is what runs this test",
    r"bin/demo": "test_demo runs it",
    r"node_exporter ": "is another program",
    r"bin/tune advise --format sql \| psql": "changes a server that other tests use as well; "
    "test_tune_advise.py runs it",
}
# Commands that are right to end otherwise than by 0.
EXIT_CODES: dict[str, set[int]] = {
    r"bin/doctor": {0, 1},  # what is wrong with the machine of the tests is not the page's
}


@dataclass(frozen=True, slots=True)
class Ran:
    """A command of a page and how it ended; `log` is all that it said."""

    line: int
    text: str
    code: int
    log: str

    @property
    def is_right(self) -> bool:
        wanted = next((codes for p, codes in EXIT_CODES.items() if re.match(p, self.text)), {0})
        return self.code in wanted


def why_not(text: str) -> str | None:
    """The reason why a command is not run, if there is one."""
    return next((reason for p, reason in NOT_RUN.items() if re.match(p, text)), None)


@dataclass(frozen=True, slots=True)
class Desk:
    """A folder with what the pages take for granted, a database and an account."""

    home: Path
    dsn: str
    account: Sandbox

    def prepare(self) -> None:
        """Our commands and files, settings and secrets."""
        for name in ("bin", "sql", "contrib"):
            if (ROOT / name).exists():
                (self.home / name).symlink_to(ROOT / name)
        settings = self.home / "etc" / "amo-loader"
        settings.mkdir(parents=True)
        (self.home / "www").mkdir()
        parts = conninfo_to_dict(self.dsn)
        service = "".join(f"{name}={value}\n" for name, value in parts.items() if value)
        (self.home / "pg_service.conf").write_text(f"[crm]\n{service}")
        self._secret(settings / "token", self.account.token)
        self._secret(self.home / "keyboard", self.account.token)
        self._secret(self.home / ".amo-secret", SECRET)
        (settings / "amo.toml").write_text(
            f'base_url = "{self.account.url}"\naccess_token_file = "{settings}/token"\n'
        )

    def _secret(self, path: Path, secret: str) -> None:
        path.touch(0o600)
        path.write_text(secret + "\n")

    def environment(self) -> dict[str, str]:
        """That of somebody whose database is configured by libpq's variables."""
        parts = conninfo_to_dict(self.dsn)
        names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD"}
        names["dbname"] = "PGDATABASE"
        given = {names[key]: str(value) for key, value in parts.items() if key in names}
        programs = embedded.binary("psql").parent
        return Commands().full_environment() | given | {
            "HOME": str(self.home),
            "PATH": f"{programs}:{os.environ['PATH']}",
            "AMO_CONFIG": str(self.home / "etc/amo-loader/amo.toml"),
            "PGSERVICEFILE": str(self.home / "pg_service.conf"),
            "AMO_RATE": "0",
        }  # fmt: skip

    def meant(self, text: str, restored: str) -> str:
        """The command with our names in place of the reader's."""
        name, other = (str(conninfo_to_dict(dsn)["dbname"]) for dsn in (self.dsn, restored))
        names = {
            "https://mycompany.amocrm.ru": self.account.url,
            "postgresql://loader@db/crm": self.dsn,
            "AMO_CLIENT_ID=…": "AMO_CLIENT_ID=sandbox-client",
            "AMO_REDIRECT_URI=https://…": "AMO_REDIRECT_URI=https://app.example/cb",
            "--code CODE": "--code sandbox-code",
            "/etc/amo-loader": str(self.home / "etc/amo-loader"),
            "/opt/amo-loader": str(self.home),
            "/var/lib/node_exporter": str(self.home / "www"),
            "/srv/www": str(self.home / "www"),
            "bin/report 1742": "bin/report 1",
            "'host=db dbname=crm user=amo_transformer'": quote(self.dsn_of("amo_transformer")),
            "dbname=crm_restored": quote(restored),
            "crm_restored": other,
            "crm.dump crm": f"crm.dump {name}",
            "-d crm ": f"-d {name} ",
        }
        for theirs, ours in names.items():
            text = text.replace(theirs, ours)
        # It would ask a person.
        password = str(conninfo_to_dict(self.dsn).get("password") or "secret")
        statement = f"ALTER ROLE {{}} PASSWORD '{password}'"
        text = re.sub(r"'\\password (\w+)'", lambda asked: f'"{statement.format(asked[1])}"', text)
        if self.is_older_than_its_programs():
            text = re.sub(r"pg_restore --exit-on-error (.*)-d (\S+) (\S+)", _BY_PSQL, text)
        if not which("jq"):  # its filter is not tried then, but that it is given JSON
            text = re.sub(r"\| jq .*", f"| {quote(sys.executable)} -m json.tool", text)
        return text

    def is_older_than_its_programs(self) -> bool:
        """Before 17 a server does not know transaction_timeout, which pg_restore of 17 sets."""
        with psycopg.connect(self.dsn) as connection:
            return connection.info.server_version < 170000

    def dsn_of(self, role: str) -> str:
        return make_conninfo(self.dsn, user=role)

    def run(self, commands: Sequence[Typed], restored: str) -> list[Ran]:
        """Run them in one shell, so that an export holds until the end of the page.

        restored: the connection string of a database that a page may create.
        """
        script, status, log = (self.home / f"page.{what}" for what in ("sh", "status", "log"))
        lines = ["exec 3>page.status", "set -o pipefail"]
        for at, command in enumerate(commands):
            meant = self.meant(command.text, restored)
            lines += [f"echo '@@ {at} @@'", meant, f'echo "{at} $?" >&3']
        script.write_text("\n".join(lines) + "\n", encoding="utf-8")
        # What is typed into `install … /dev/stdin` is the token.
        with (self.home / "keyboard").open() as keyboard, log.open("w") as said:
            subprocess.run(
                ["bash", script], cwd=self.home, env=self.environment(), stdin=keyboard,
                stdout=said, stderr=said, check=True, timeout=120,
            )  # fmt: skip
        return list(self._ran(commands, status.read_text(), log.read_text(encoding="utf-8")))

    def _ran(self, commands: Sequence[Typed], status: str, log: str) -> Iterator[Ran]:
        codes = [int(line.split()[1]) for line in status.splitlines()]
        said = re.split(r"@@ \d+ @@\n", log)[1:]
        for at, command in enumerate(commands):
            yield Ran(command.line, command.text, codes[at], said[at])
