"""bin/tune advise."""

from __future__ import annotations

import json
from dataclasses import replace

import click

from loader import config as configuration
from loader import db
from loader.cli.main import common, output
from loader.errors import UsageError
from tuning import advice, collect, compare, document, paste, show, units

# None of them hides a setting that advice is about.
_OPTIONS = "-c statement_timeout=30s -c lock_timeout=5s -c default_transaction_read_only=on"


@click.command()
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "conf", "sql"]),
    default="text",
    show_default=True,
    help="For a person, a program, postgresql.conf, psql.",
)
@click.option("--ram", metavar="SIZE", help="Memory of the server: 8GB.")
@click.option("--cpus", metavar="N", help="CPUs of the server.")
@click.option("--disk", metavar="ssd|hdd", help="The disk below its data.")
@click.option(
    "--wal-space", metavar="SIZE", help="What WAL may take: free on its volume, and what it has."
)
@click.option(
    "--ram-to", metavar="SIZE", help="Compare with this much RAM; default: the next size."
)
@common
def advise(
    form: str, ram: str | None, cpus: str | None, disk: str | None, wal_space: str | None,
    ram_to: str | None, verbose: int, quiet: bool,
) -> None:  # fmt: skip
    """What the server's settings should be for large loads, and why.

    Nothing is changed. RAM, CPUs, disk and room for WAL are looked up when the server runs on
    this machine; else they come from these options, AMO_RAM, AMO_CPUS, AMO_DISK, AMO_WAL_SPACE or
    ram, cpus, disk, wal_space in amo.toml. They are never guessed: what depends on a figure that
    is not known is left out, and said.

    \b
    takes    restart, reload, or session: a reload, or SET in one session
    (loader) for the session of bin/transform alone
    !        what the role or a managed service does not allow

    \b
    Settings: PG* or AMO_DSN  the database; with neither, the one under AMO_HOME
              AMO_RAM, AMO_CPUS, AMO_DISK, AMO_WAL_SPACE  of a server elsewhere
    Files:    amo.toml or AMO_CONFIG
    Exit:     0 ok, 2 usage, 56 cannot connect

    \b
    Examples:
      bin/tune advise --ram 8GB --cpus 4 --disk ssd --wal-space 40GB
      bin/tune advise --format conf > amo.conf     postgresql.conf includes it
      bin/tune advise --ram-to 16GB                would more memory help?
    """
    output(verbose, quiet)
    config = configuration.load({"ram": ram, "cpus": cpus, "disk": disk, "wal_space": wal_space})
    collect.given(config)
    target = _size(ram_to)
    with (
        db.server(config) as dsn,
        db.connect(dsn, command="tune", options=_OPTIONS) as connection,
    ):
        server = collect.collect(connection, config)
    found = advice.advise(server.situation, target)
    unseen = compare.hidden(found, server.settings)
    found = replace(found, left_out=(*found.left_out, *unseen))
    rows = compare.compare(found, server.settings, server.situation.tables, server.rights)
    if form == "json":
        click.echo(json.dumps(document.document(server, found, rows), ensure_ascii=False))
        return
    shown = {"text": show.text, "conf": paste.conf, "sql": paste.sql}
    click.echo(shown[form](server, found, rows))


def _size(text: str | None) -> int | None:
    try:
        return None if text is None else units.size_of(text)
    except ValueError as exc:
        raise UsageError("--ram-to is not a size", detail=str(exc)) from exc
