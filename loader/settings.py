"""The settings by name: what may be set, what holds where nothing is set, what is secret."""

from __future__ import annotations

# amoCRM allows 7 requests a second (facts: D:api/recommendations, K:limitations).
RATE_LIMIT = 7.0

DEFAULTS = {
    "rate": str(RATE_LIMIT),
    "home": "./.amo",
    "history": "off",
    "keep_pages_days": "60",
    "keep_runs_days": "400",
    "log_format": "text",
}
NAMES = (
    "base_url",
    "access_token",
    "access_token_file",
    "client_id",
    "client_secret",
    "client_secret_file",
    "redirect_uri",
    "refresh_token",
    "refresh_token_file",
    "rate",
    "dsn",
    "home",
    "history",
    "history_days",
    # What bin/refresh deletes at its end: days that the ledger of pages and the runs are kept.
    "keep_pages_days",
    "keep_runs_days",
    "textfile",  # metrics for Prometheus, written by bin/refresh
    "log_format",
    # Of the server, for bin/tune: what cannot be asked of it over the network.
    "ram",
    "cpus",
    "disk",
    "wal_space",
)
# Each may also be given as the path of a file of mode 0600, in NAME_file.
SECRETS = ("access_token", "client_secret", "refresh_token")

# Any of these means that the user has a PostgreSQL of her own in mind.
LIBPQ = ("PGHOST", "PGHOSTADDR", "PGPORT", "PGDATABASE", "PGUSER", "PGSERVICE")
