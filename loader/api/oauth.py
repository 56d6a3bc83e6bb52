"""OAuth as credentials: the kept pair, replaced before its end and after a refusal."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from loader import rotation, tokens
from loader.api.endpoint import Grant, Refused, TokenEndpoint
from loader.api.pace import Pace
from loader.config import Config, OAuthSettings
from loader.db import Connection
from loader.errors import CredentialsError, TemporaryError, UsageError
from loader.metrics import Traffic
from loader.tokens import Kept, digest

logger = logging.getLogger("amo.auth")

GRANT_AGAIN = (
    "grant access again: in amoCRM open settings, integrations, your integration (switch it on "
    "if it is off), keys and access, copy the authorization code, which lives 20 minutes, then\n"
    "bin/load auth --code CODE\n"
    "what was loaded is safe and the next bin/load continues"
)

LOST_ANSWER = (
    "this was not the first try: the answer to an earlier one was lost on the way, and amoCRM "
    "may have used the token up then"
)
RENEW_AGAIN_SECONDS = 30


class OAuth:
    """The Credentials (loader/api/auth.py) of an integration; thread-safe."""

    hint = f"amoCRM refuses even a new token: the user or the integration is off; {GRANT_AGAIN}"

    def __init__(
        self, base_url: str, settings: OAuthSettings, endpoint: TokenEndpoint, dsn: str
    ) -> None:
        self._configured_url = base_url
        self._settings = settings
        self._endpoint = endpoint
        self._dsn = dsn
        self._lock = threading.Lock()
        self._pair = Kept(settings.client_id, base_url)
        self._fresh_until = self._ends_at = 0.0
        self._refusal: CredentialsError | None = None

    @property
    def base_url(self) -> str:
        return self._pair.url

    def bearer(self) -> str:
        with self._lock:
            if time.monotonic() >= self._fresh_until:
                self._renew_early()
            return self._pair.access_token or ""

    def refused(self, bearer: str) -> bool:
        with self._lock:
            # Of all the threads that were refused, the first one refreshes.
            if self._pair.access_token == bearer:
                self._renew(bearer)
            return True

    def redirected(self, base_url: str) -> bool:
        with self._lock:
            # Of all the threads that were redirected, the first one asks.
            if self._pair.url == base_url:
                self._follow()
            return self._pair.url != base_url

    def _follow(self) -> None:
        """Ask the account where it lives now, unless another process did."""
        with tokens.held(self._dsn, self._settings.client_id) as connection:
            known = self._pair.url
            pair = self._kept(connection)
            if pair.url == known and (url := self._address(pair)) not in (None, known):
                pair = tokens.move(connection, pair, str(url))
            self._use(pair)

    def exchange(self, code: str) -> Kept:
        """Keep a pair for an authorization code. Raises CredentialsError."""
        with self._lock, tokens.held(self._dsn, self._settings.client_id) as connection:
            known = self._kept(connection)
            configured = self._settings.refresh_token
            sha256 = digest(configured) if configured else known.configured_sha256
            start = self._new_chain(known, "code", sha256)
            self._rotate(connection, start, code, lambda: self._endpoint.exchange(start.url, code))
            return self._pair

    def _renew_early(self) -> None:
        """Renew; while that cannot be done, a token in its last minutes is still a token."""
        try:
            self._renew(None)
        except TemporaryError as exc:
            if time.monotonic() >= self._ends_at or not self._pair.access_token:
                raise
            logger.warning("the token cannot be renewed yet: %s (%s)", exc.what, exc.detail)
            self._fresh_until = min(self._ends_at, time.monotonic() + RENEW_AGAIN_SECONDS)

    def _renew(self, refused: str | None) -> None:
        """Use the kept pair if it is fresh and another one than was refused, else refresh."""
        if self._refusal:
            raise self._refusal  # no other thread would fare better
        with tokens.held(self._dsn, self._settings.client_id) as connection:
            kept = self._kept(connection)
            start, refresh_token = self._start(kept)
            is_kept = start is kept
            if is_kept and kept.fresh_seconds > 0 and kept.access_token != refused:
                self._use(kept)
                return
            if is_kept and kept.left_seconds > 0 and kept.access_token != refused:
                self._use(kept)  # in its last minutes, in case that it cannot be renewed yet
            url, access_token = start.url, kept.access_token
            self._rotate(
                connection,
                start,
                refresh_token,
                lambda: self._endpoint.refresh(url, refresh_token, access_token),
            )

    def _start(self, kept: Kept) -> tuple[Kept, str]:
        """The pair and the refresh token to go on from: a configured one begins a new chain
        unless the kept pair came from it."""
        configured = self._settings.refresh_token
        is_new = configured is not None and digest(configured) != kept.configured_sha256
        if kept.refresh_token and not is_new:
            return kept, kept.refresh_token
        if configured is None:
            raise UsageError(
                "no access was granted to this program yet",
                detail=f"no tokens are kept for integration {self._settings.client_id} "
                f"at {self._configured_url}, and AMO_REFRESH_TOKEN is not set\n{kept.story}",
                hint=GRANT_AGAIN,
            )
        return self._new_chain(kept, "configured", digest(configured)), configured

    def _new_chain(self, kept: Kept, source: str, configured_sha256: str | None) -> Kept:
        """The same row, to be filled by another grant, at the address that is configured."""
        url = self._configured_url
        return replace(
            kept,
            moved_to=None if url == kept.base_url else url,
            source=source,
            configured_sha256=configured_sha256,
            granted_at=None,
        )

    def _rotate(
        self, connection: Connection, start: Kept, secret: str, ask: Callable[[], Grant]
    ) -> None:
        story = start.story if start.was_sent(secret) else ""
        is_code = start.source == "code" and start.granted_at is None
        if roles := ", ".join(tokens.readers(connection)):
            logger.warning("ops.tokens is open: REVOKE ALL ON ops.tokens FROM %s", roles)
        try:
            pair = rotation.rotate(connection, self._dsn, start, secret, ask)
        except Refused as exc:
            if exc.tries > 1 and not story:
                story = LOST_ANSWER
            self._refusal = CredentialsError(
                f"amoCRM refused the {'authorization code' if is_code else 'refresh token'}",
                detail=f"{exc}\n{story}".rstrip(),
                hint=f"check AMO_BASE_URL, AMO_CLIENT_ID, AMO_CLIENT_SECRET and "
                f"AMO_REDIRECT_URI; if they are right, {GRANT_AGAIN}",
            )
            raise self._refusal from exc
        logger.info("new tokens for %s, kept; they expire at %s", pair.url, pair.expires_at)
        if pair.url != start.url:
            logger.warning("the account moved from %s to %s: set AMO_BASE_URL", start.url, pair.url)
        self._use(pair)

    def _kept(self, connection: Connection) -> Kept:
        """The pair of the configured account, or an empty one.

        When AMO_BASE_URL names no kept pair, it may be the new name of an account that has
        one: the account itself tells.
        """
        rows = tokens.read(connection, self._settings.client_id)
        for row in rows:
            if self._configured_url in (row.moved_to, row.base_url):
                return row
        for row in rows:
            if row.refresh_token and self._address(row) == self._configured_url:
                return tokens.move(connection, row, self._configured_url)
        return Kept(self._settings.client_id, self._configured_url)

    def _address(self, pair: Kept) -> str | None:
        return self._endpoint.address(pair.url, pair.refresh_token or "", pair.access_token)

    def _use(self, pair: Kept) -> None:
        self._pair = pair
        self._fresh_until = time.monotonic() + pair.fresh_seconds
        self._ends_at = time.monotonic() + pair.left_seconds


def oauth(config: Config, dsn: str, pace: Pace, stop: threading.Event, traffic: Traffic) -> OAuth:
    """OAuth as configured. Raises UsageError when a setting is missing."""
    settings = config.oauth()
    endpoint = TokenEndpoint(settings, pace, stop, traffic)
    return OAuth(config.base_url, settings, endpoint, dsn)
