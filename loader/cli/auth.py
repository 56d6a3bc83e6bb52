"""bin/load auth."""

from __future__ import annotations

import json
import logging
import sys
import threading
from datetime import UTC, datetime

import click

from loader import config as configuration
from loader import db, migrate, report, tokens
from loader.api.endpoint import claims
from loader.api.oauth import oauth
from loader.api.pace import Pace
from loader.cli.main import common, output
from loader.config import Config
from loader.metrics import Traffic
from loader.tokens import Kept

logger = logging.getLogger("amo.auth")


@click.command()
@click.option("--code", metavar="CODE", help="Exchange an authorization code; - reads it on stdin.")
@click.option("--status", is_flag=True, help="Show what is kept, never the tokens themselves.")
@click.option("--base-url", metavar="URL", help="Instead of AMO_BASE_URL.")
@click.option("--json", "as_json", is_flag=True, help="With --status: as JSON on stdout.")
@common
def auth(
    code: str | None,
    status: bool,
    base_url: str | None,
    as_json: bool,
    verbose: int,
    quiet: bool,
) -> None:
    """Grant access by OAuth, or show what was granted.

    The authorization code stands in the settings of the integration under keys and access; it
    lives 20 minutes and works once. Its tokens are kept in ops.tokens; every bin/load uses and
    refreshes them from there. Instead of a code, AMO_REFRESH_TOKEN may start the chain; it too
    works once, what follows from it is kept, and a new one there begins anew. A long-lived
    token (AMO_ACCESS_TOKEN, AMO_ACCESS_TOKEN_FILE) wins over OAuth.

    \b
    Settings: AMO_BASE_URL, AMO_CLIENT_ID, AMO_REDIRECT_URI (as registered),
              AMO_CLIENT_SECRET or AMO_CLIENT_SECRET_FILE (mode 0600),
              AMO_REFRESH_TOKEN or AMO_REFRESH_TOKEN_FILE (not with --code),
              PG* or AMO_DSN  the database that keeps the tokens
    Files:    amo.toml or AMO_CONFIG
    Exit:     0 ok, 2 usage, 56 cannot connect, 58 schema, 60 code refused,
              61 blocked, 75 try again later

    \b
    Examples:
      bin/load auth --code -          reads it on stdin: ps does not see it
      bin/load auth --status          what is kept, and until when
    """
    out = output(verbose, quiet)
    if bool(code) == status:
        raise click.UsageError("give either --code CODE or --status")
    config = configuration.load({"base_url": base_url})
    with db.server(config) as dsn:
        if status:
            _show(config, dsn, as_json=as_json)
            return
        pair = _exchange(config, dsn, code or "")
    out.say(f"access to {pair.url} granted and kept; bin/load refreshes it from now on")
    if config.token():
        logger.warning("a long-lived token is set as well, and wins")


def _exchange(config: Config, dsn: str, code: str) -> Kept:
    if code == "-":
        code = sys.stdin.readline()
    with Pace(config.rate, config.base_url, dsn) as pace:
        granted = oauth(config, dsn, pace, threading.Event(), Traffic())
        with db.connect(dsn, command="auth") as connection:
            migrate.require_current(connection)
        return granted.exchange(code.strip())


def _show(config: Config, dsn: str, *, as_json: bool) -> None:
    with db.connect(dsn, command="auth") as connection:
        migrate.require_current(connection)
        pairs = [_describe(pair) for pair in tokens.read(connection, config.get("client_id"))]
        roles = tokens.readers(connection)
    in_use = _in_use(config)
    if as_json:
        document = {"in_use": in_use, "pairs": pairs, "readable_by": roles}
        click.echo(json.dumps({"schema": "amo-load/auth/1"} | document, ensure_ascii=False))
        return
    click.echo(f"in use: {in_use}")
    for pair in pairs:
        rows = [(name.replace("_", " "), value or "-") for name, value in pair.items()]
        click.echo("\n" + report.table(("kept pair", ""), rows))
    if roles:
        logger.warning("ops.tokens can be read by %s", ", ".join(roles))


def _in_use(config: Config) -> str:
    """What bin/load would show to amoCRM; of a long-lived token, a JWT, also its end."""
    if token := config.token():
        end = claims(token).get("exp")
        until = f", until {_moment(datetime.fromtimestamp(end, UTC))}" if type(end) is int else ""
        return f"long-lived token{until}"
    return "OAuth" if config.get("client_id") else "nothing: neither a token nor OAuth is set"


def _describe(pair: Kept) -> dict[str, object]:
    unanswered = f"{pair.asked_at:%Y-%m-%d %H:%M:%S %Z} by {pair.asked_by}" if pair.asked_at else ""
    return {
        "client_id": pair.client_id,
        "base_url": pair.base_url,
        "moved_to": pair.moved_to,
        "began_with": {"code": "bin/load auth --code", "configured": "AMO_REFRESH_TOKEN"}.get(
            pair.source or ""
        ),
        "granted_at": _moment(pair.granted_at),
        "refreshed_at": _moment(pair.refreshed_at),
        "expires_at": _moment(pair.expires_at),
        "is_expired": pair.expires_at is not None and pair.expires_at <= datetime.now(UTC),
        "unanswered_request": unanswered or None,
    }


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat(sep=" ", timespec="seconds") if moment else None
