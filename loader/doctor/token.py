"""The check of the token: accepted, and for how long."""

from __future__ import annotations

import time

import psycopg

from loader import tokens
from loader.api.endpoint import claims
from loader.api.oauth import GRANT_AGAIN
from loader.doctor.finding import DAY, FAIL, Finding, Skip, fail, ok, span, warn
from loader.doctor.scene import Scene
from loader.errors import AmoError, CredentialsError

# A refresh token dies unused after three months (facts §2.1).
_UNUSED_WARN, _UNUSED_FAIL = 60 * DAY, 90 * DAY
_NEW_TOKEN = (
    "make a new long-lived token in the settings of the integration and put it into the file of"  # noqa: S105
    " AMO_ACCESS_TOKEN_FILE"
)


def token(scene: Scene) -> Finding:
    """The token is accepted, and lives long enough

    A long-lived token: WARN when it ends within 14 days, FAIL when it has ended. OAuth: WARN when
    it was not renewed for 60 days, or its last renewal was cut off; FAIL after 90 days. FAIL:
    none is configured, or amoCRM refuses it.
    """
    if scene.is_monitoring and not scene.has_api:
        raise Skip("no account is configured here")
    long_lived = scene.config.token()
    # First: a pair that was renewed by asking is good again.
    refusal = _refusal(scene)
    found = _long_lived(long_lived) if long_lived else _pair(scene)
    if refusal and found.status != FAIL:
        return fail(f"{refusal.what}: {refusal.detail}", refusal.hint)
    return found


def _refusal(scene: Scene) -> CredentialsError | None:
    """What amoCRM says against it; what else went wrong is told by the check named api."""
    try:
        scene.asked.account()
    except CredentialsError as exc:
        return exc
    except (Skip, AmoError, psycopg.Error):
        pass
    return None


def _long_lived(secret: str) -> Finding:
    """A JWT tells its end, and need not be verified for that."""
    end = claims(secret).get("exp")
    if not isinstance(end, int | float) or isinstance(end, bool):
        return ok("long-lived; it does not tell when it ends")
    left = end - time.time()
    if left <= 0:
        return fail(f"long-lived, ended {span(-left)} ago", _NEW_TOKEN)
    detail = f"long-lived, ends in {span(left)}"
    return warn(detail, _NEW_TOKEN) if left < 14 * DAY else ok(detail)


def _pair(scene: Scene) -> Finding:
    """What is kept of OAuth. Raises UsageError when neither is configured."""
    settings = scene.config.oauth()
    if not scene.may("SELECT", "ops.tokens"):
        raise Skip("the tokens of OAuth are in ops.tokens, which only its owner can read")
    url = scene.config.base_url
    kept = tokens.read(scene.db, settings.client_id)
    pair = next((pair for pair in kept if url in (pair.base_url, pair.moved_to)), None)
    if pair is None or not (pair.refresh_token and pair.refreshed_at and pair.read_at):
        if settings.refresh_token:
            return ok("OAuth, begins with AMO_REFRESH_TOKEN")
        return fail(f"OAuth: no access to {url} was granted to this program yet", GRANT_AGAIN)
    unused = (pair.read_at - pair.refreshed_at).total_seconds()
    detail = f"OAuth, renewed {span(unused)} ago"
    if unused > _UNUSED_FAIL:
        return fail(f"{detail}: it died unused after 3 months", GRANT_AGAIN)
    if pair.story:
        return warn(f"{detail}; {pair.story}", f"if the next bin/load exits 60: {GRANT_AGAIN}")
    if unused > _UNUSED_WARN:
        return warn(f"{detail}; unused for 3 months it dies", "run bin/load")
    return ok(detail)
