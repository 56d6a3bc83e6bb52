"""The account page: the proof that address and token are right, and what the account can do."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass

from loader.api.client import Answer, Client, TooHeavy, Unavailable
from loader.db import Connection
from loader.errors import ConnectError, TemporaryError
from loader.ledger import Place
from loader.lists import Outcome
from loader.runs import Ended
from loader.staging import NotAPage, stage
from loader.streams import ACCOUNT


@dataclass(frozen=True, slots=True)
class Account:
    """Its id, whether its paid filters work, where it says its files are, and the page itself."""

    id: int
    has_filter: bool
    drive_url: object  # whatever it says
    answer: Answer


def ask(client: Client, stop: threading.Event) -> Account:
    """Ask who the account is. Raises ConnectError when it is none, and what Client.get raises."""
    hint = "check AMO_BASE_URL: it is the address of your account, https://mycompany.amocrm.ru"
    try:
        answer = client.get(ACCOUNT.path, dict(ACCOUNT.parameters), stream=ACCOUNT.name)
    except TemporaryError as exc:
        if stop.is_set():
            raise
        raise ConnectError("cannot reach amoCRM", detail=exc.detail, hint=hint) from exc
    except TooHeavy as exc:
        raise ConnectError("cannot reach amoCRM", detail=str(exc), hint=hint) from exc
    except Unavailable as exc:
        raise ConnectError(
            "this address gives no account", detail=str(exc), hint=f"{hint}; is it paid?"
        ) from exc
    try:
        account = json.loads(answer.body or b"")
        has_filter = account.get("is_api_filter_enabled") is True
        return Account(int(account["id"]), has_filter, account.get("drive_url"), answer)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as exc:
        start = " ".join((answer.body or b"")[:120].decode("utf-8", "replace").split())
        raise ConnectError(
            "this address does not answer as amoCRM does",
            detail=f"GET /api/v4/account gave: {start or 'nothing'}",
            hint=hint,
        ) from exc


def stage_page(connection: Connection, outcome: Outcome, answer: Answer, *, has_all: bool) -> None:
    """Stage the page as the stream that it is; has_all: the load is not one of chosen companies.

    Raises ConnectError when it cannot be staged.
    """
    run = outcome.run
    place = Place.of(run.id, ACCOUNT.name, dict(ACCOUNT.parameters), 1)
    try:
        stage(connection, place, ACCOUNT, answer)
    except NotAPage as exc:
        raise ConnectError("the account page cannot be staged", detail=str(exc)) from exc
    ended = Ended("complete", "", answer.http_seconds, is_whole=True, moves_watermark=has_all)
    outcome.end(connection, ACCOUNT.name, ended)
