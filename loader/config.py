"""The effective configuration: flags > environment > amo.toml > defaults, each with its origin."""

from __future__ import annotations

import ipaddress
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from loader import secrets
from loader.errors import UsageError
from loader.settings import DEFAULTS, LIBPQ, NAMES, RATE_LIMIT, SECRETS


@dataclass(frozen=True, slots=True)
class Setting:
    """One effective value and where it came from."""

    value: str
    origin: str


@dataclass(frozen=True, slots=True)
class OAuthSettings:
    """The integration, and the refresh token that was configured, if any."""

    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str
    refresh_token: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Config:
    """All settings by name; a name that nobody set is absent."""

    settings: Mapping[str, Setting]
    environment: Mapping[str, str]

    def get(self, name: str) -> str | None:
        setting = self.settings.get(name)
        return setting.value if setting else None

    @property
    def home(self) -> Path:
        """Folder of the embedded PostgreSQL (AMO_HOME)."""
        home = Path(os.path.expanduser(self.settings["home"].value)).resolve()  # noqa: PTH111
        if " " in str(home):
            # pg_ctl of the wheel passes the socket's folder on without quotes.
            raise UsageError(
                "the path of the embedded PostgreSQL must not hold blanks",
                detail=str(home),
                hint="set AMO_HOME to another folder, or AMO_DSN to a server of your own",
            )
        return home

    @property
    def rate(self) -> float:
        """Requests a second; 0 < rate <= 7. 0 lifts the limit, on a loopback server only."""
        text = self.settings["rate"].value
        try:
            rate = float(text)
        except ValueError:
            rate = -1.0
        if rate == 0 and is_loopback(urlsplit(self.base_url).hostname or ""):
            return rate
        if not 0 < rate <= RATE_LIMIT:
            raise UsageError(
                "AMO_RATE is out of range",
                detail=f"{text!r} from {self.settings['rate'].origin}",
                hint="give requests per second, above 0 and at most 7; "
                "0 (no limit) is for a sandbox on this machine only",
            )
        return rate

    @property
    def base_url(self) -> str:
        """The account's own address, without a trailing slash."""
        url = self.get("base_url")
        if not url:
            raise UsageError(
                "AMO_BASE_URL is not set",
                hint="export AMO_BASE_URL=https://mycompany.amocrm.ru, "
                "or put base_url into amo.toml",
            )
        try:
            parts = urlsplit(url)
            is_address = parts.scheme in ("http", "https") and parts.port != 0
        except ValueError:
            is_address = False
        host = (parts.hostname or "") if is_address else ""
        if not host or parts.path not in ("", "/"):
            raise UsageError(
                "AMO_BASE_URL is not a web address",
                detail=url,
                hint="it looks like https://mycompany.amocrm.ru",
            )
        if parts.username or parts.password:
            raise UsageError(
                "AMO_BASE_URL must not hold a user or a password",
                hint="the token goes into AMO_ACCESS_TOKEN_FILE",
            )
        if parts.scheme == "http" and not is_loopback(host):
            raise UsageError(
                "AMO_BASE_URL would send the token unencrypted",
                detail=url,
                hint="use https; plain http is accepted for this machine only (127.0.0.1, ::1)",
            )
        return f"{parts.scheme}://{parts.netloc}"

    def uses_embedded_postgres(self) -> bool:
        """True when neither AMO_DSN nor any of libpq's variables names a server."""
        return not self.get("dsn") and not any(self.environment.get(name) for name in LIBPQ)

    def token(self) -> str | None:
        """The long-lived access token, if one is set."""
        return self._secret("access_token")

    def oauth(self) -> OAuthSettings:
        """The settings of OAuth. Raises UsageError when they are missing or incomplete."""
        settings = {
            "client_id": self.get("client_id"),
            "client_secret": self._secret("client_secret"),
            # It must equal the registered one exactly, also on refresh (facts §2.3).
            "redirect_uri": self.get("redirect_uri"),
        }
        refresh_token = self._secret("refresh_token")
        missing = [f"AMO_{name.upper()}" for name, value in settings.items() if not value]
        if len(missing) == len(settings) and not refresh_token:
            raise UsageError(
                "no access token is configured",
                hint="put the long-lived token of your integration into a file of mode 0600 "
                "and set AMO_ACCESS_TOKEN_FILE to its path; or use OAuth: bin/load auth --help",
            )
        if missing:
            raise UsageError(
                "OAuth is not fully configured",
                detail="not set: " + ", ".join(missing),
                hint="copy them from the settings of the integration; see bin/load auth --help",
            )
        return OAuthSettings(
            **{name: str(value) for name, value in settings.items()}, refresh_token=refresh_token
        )

    def _secret(self, name: str) -> str | None:
        """A secret, from its own setting or from the file that NAME_file names."""
        secret = self.get(name)
        if not secret and (path := self.get(f"{name}_file")):
            secret = secrets.read(
                Path(path).expanduser(),
                f"AMO_{name.upper()}_FILE",
                self.environment.get("CREDENTIALS_DIRECTORY"),
            )
        secret = (secret or "").strip()
        if secret and not re.fullmatch(r"[\x21-\x7e]+", secret):
            raise UsageError(
                f"AMO_{name.upper()} has characters that no token has",
                detail=f"{len(secret)} characters; blanks, line ends and non-ASCII are not allowed",
                hint="a file must hold the secret alone, on one line",
            )
        return secret or None

    def show(self) -> list[tuple[str, str, str]]:
        """(name, value, origin) of everything that is set, secrets masked."""
        rows = []
        for name in NAMES:
            if setting := self.settings.get(name):
                value = "********" if name in SECRETS else secrets.mask(name, setting.value)
                rows.append((name, value, setting.origin))
        return rows


def load(flags: Mapping[str, str | None], environment: Mapping[str, str] = os.environ) -> Config:
    """Merge the sources. Raises UsageError for a broken or unknown amo.toml."""
    settings = {name: Setting(value, "default") for name, value in DEFAULTS.items()}
    file = Path(environment.get("AMO_CONFIG", "amo.toml"))
    for name, value in _read_file(file, required="AMO_CONFIG" in environment).items():
        settings[name] = Setting(value, str(file))
    for name in NAMES:
        variable = f"AMO_{name.upper()}"
        if environment.get(variable):
            settings[name] = Setting(environment[variable], variable)
    for name, flag in flags.items():
        if flag is not None:
            settings[name] = Setting(flag, f"--{name.replace('_', '-')}")
    return Config(settings, environment)


def is_loopback(host: str) -> bool:
    """True for localhost and for addresses that never leave this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _read_file(file: Path, *, required: bool) -> dict[str, str]:
    if not file.exists():
        if required:
            raise UsageError("the file named by AMO_CONFIG does not exist", detail=str(file))
        return {}
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as exc:
        raise UsageError(f"{file} cannot be read", detail=str(exc)) from exc
    unknown = sorted(set(values) - set(NAMES))
    if unknown:
        raise UsageError(
            f"{file} has a setting that does not exist",
            detail=", ".join(unknown),
            hint="known settings: " + ", ".join(NAMES),
        )
    return {name: str(value) for name, value in values.items()}
