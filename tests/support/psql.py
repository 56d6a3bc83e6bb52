"""SQL files run by hand, as a DBA does."""

from __future__ import annotations

import os
import subprocess

from loader import embedded
from loader.sqlfiles import SqlFile


def psql(dsn: str, file: SqlFile, options: str = "") -> str:
    """psql -X -1 -f of a file; what it prints. `options` as in PGOPTIONS."""
    done = subprocess.run(
        [embedded.binary("psql"), "-X", "-1", "-v", "ON_ERROR_STOP=1", "-f", file.path, dsn],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PGOPTIONS": f"-c client_min_messages=warning {options}"},
    )
    assert done.returncode == 0, f"{file.name}: {done.stderr}"
    return done.stdout
