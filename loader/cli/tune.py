"""bin/tune."""

from __future__ import annotations

import click

from loader.cli.advise import advise


@click.group()
def tune() -> None:
    """Settings of the server for large loads."""


tune.add_command(advise)
