"""Checks of amoCRM itself: answer, clock, the token's user, the paid filter."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, LiteralString

import psycopg

from loader.account import Account
from loader.api.client import Unavailable
from loader.db import scalar
from loader.doctor.finding import MINUTE, Finding, Skip, fail, ok, span, warn
from loader.doctor.scene import Scene
from loader.errors import AmoError, CredentialsError, UsageError

_KNOWN: LiteralString = (
    "SELECT DISTINCT account_id FROM ops.runs WHERE kind = 'load' AND account_id IS NOT NULL"
)
_USES_FILTER: LiteralString = """
    SELECT string_agg(DISTINCT mode, ', ') FROM ops.runs
    WHERE kind = 'load' AND mode <> 'full' AND started_at > now() - interval '30 days'
"""


def api(scene: Scene) -> Finding:
    """amoCRM answers, as the account that the database holds

    FAIL: no answer, a block, or another account.
    """
    _require_token(scene)
    try:
        account = scene.asked.account()
    except CredentialsError:
        return ok("it answers, and refuses the token")
    known = {row[0] for row in scene.db.execute(_KNOWN)} if _has_runs(scene) else set()
    if known and account.id not in known:
        names = ", ".join(str(number) for number in sorted(known))
        return fail(
            f"it answers as account {account.id}, the database holds {names}",
            "check AMO_BASE_URL and the database; bin/load --add-account takes a second account",
        )
    return ok(f"account {account.id} answered in {1000 * account.answer.http_seconds:.0f} ms")


def clock(scene: Scene) -> Finding:
    """Our clocks are those of amoCRM

    This machine's and the database server's against the Date header. WARN: more than 60 s apart,
    FAIL: more than 10 minutes.
    """
    answer = _account(scene).answer
    if answer.answered_at is None:
        raise Skip("amoCRM did not say the time")
    heard_at = scene.asked.heard_at
    clocks = {"this machine": _apart(heard_at, answer.answered_at)}
    if scene.connection is not None and not scene.connection.closed:
        moment, since = scalar(scene.db, "SELECT clock_timestamp()"), scene.asked.since_heard()
        clocks["the database server"] = _apart(moment, answer.answered_at) - since
    whose, apart = max(clocks.items(), key=lambda pair: abs(pair[1]))
    direction = "ahead of" if apart > 0 else "behind"
    if abs(apart) <= 60:
        return ok(f"at most {abs(apart):.0f} s apart")
    detail = f"{whose} is {span(abs(apart))} {direction} amoCRM"
    hint = "set the clock: timedatectl, chronyc tracking; watermarks and ages depend on it"
    return (fail if abs(apart) > 10 * MINUTE else warn)(detail, hint)


def user(scene: Scene) -> Finding:
    """The token belongs to an administrator

    WARN: it does not, or it may not read users, which only an administrator's may. Such a token
    sees less, without a word: lists are narrowed by the rights of its user.
    """
    number = _document(_account(scene)).get("current_user_id")
    if type(number) is not int:
        raise Skip("the account does not say whose token it is")
    hint = "make the token as an administrator: another user's lists are shorter, silently"
    try:
        answer = scene.asked.get(f"users/{number}")
    except Unavailable as exc:
        if exc.status != 403:
            raise Skip(f"users cannot be read: {exc}") from exc
        return warn(f"user {number} is no administrator, who could read users: {exc}", hint)
    try:
        found = json.loads(answer.body or b"{}")
        is_admin = found["rights"]["is_admin"] is True
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Skip(f"amoCRM does not tell the rights of user {number}") from None
    if is_admin:
        return ok(f"user {number} is an administrator")
    return warn(f"user {number} is no administrator", hint)


def paid_filter(scene: Scene) -> Finding:
    """The account honours filters, which it has to pay for

    WARN: it does not, and incremental loads or --companies were used in the last 30 days: they
    work, and ask for more pages.
    """
    if _account(scene).has_filter:
        return ok("filters by date and field are honoured")
    modes = scalar(scene.db, _USES_FILTER) if _has_runs(scene) else None
    if modes:
        return warn(
            f"filters are ignored, and there were loads of mode {modes}",
            "they ask for more pages than with the paid option of amoCRM; nothing is lost",
        )
    return ok("filters are ignored (not paid for); a full load needs none")


def _account(scene: Scene) -> Account:
    """Raises Skip when it cannot be asked: that is told once, by the check named api."""
    try:
        return scene.asked.account()
    except (AmoError, psycopg.Error) as exc:
        raise Skip("amoCRM gave no answer to look at") from exc


def _require_token(scene: Scene) -> None:
    """Raises Skip without one that could be shown: that is told once, by the check named token."""
    try:
        if not scene.config.token():
            scene.config.oauth()
    except UsageError as exc:
        raise Skip("there is no token to ask with") from exc


def _document(account: Account) -> dict[str, Any]:
    """The account page, which was JSON when its id was read."""
    found = json.loads(account.answer.body or b"{}")
    return found if isinstance(found, dict) else {}


def _has_runs(scene: Scene) -> bool:
    return scene.connection is not None and scene.may("SELECT", "ops.runs")


def _apart(ours: datetime, theirs: datetime) -> float:
    """Seconds; the header has whole ones, so that half a second is nothing."""
    return (ours - theirs).total_seconds() - 0.5
