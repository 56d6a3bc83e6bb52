"""The metrics of a load, written to ops whenever a stream ends and when the run ends."""

from __future__ import annotations

import json
import logging
import time
from collections import Counter
from dataclasses import asdict

import psycopg

from loader import statements, usage
from loader.db import Connection, scalar
from loader.metrics import Sums, Traffic

logger = logging.getLogger("amo.load")

# One statement, hence all or nothing. Requests are added, since earlier processes of the run
# have written theirs; the row of this process is replaced.
_WRITE = """
    WITH request AS (
        INSERT INTO ops.run_requests (run_id, stream, status, requests, retries)
        SELECT %(run_id)s, more.stream, more.status, more.requests, more.retries
        FROM jsonb_to_recordset(%(more)s)
            AS more (stream text, status text, requests bigint, retries bigint)
        ON CONFLICT ON CONSTRAINT run_requests_pkey DO UPDATE SET
            requests = run_requests.requests + excluded.requests,
            retries = run_requests.retries + excluded.retries
    )
    INSERT INTO ops.run_processes AS known (
        run_id, process, first_request_at, last_request_at, requests, rate_limit, statements,
        transactions, transaction_ms, transaction_ms_p50, transaction_ms_p95,
        transaction_ms_max, cpu_seconds, peak_rss_bytes
    )
    VALUES (
        %(run_id)s, %(process)s,
        now() - make_interval(secs => %(first_seconds_ago)s),
        now() - make_interval(secs => %(last_seconds_ago)s),
        %(requests)s, %(rate_limit)s, %(statements)s, %(commits)s, %(commit_ms)s,
        %(commit_ms_p50)s, %(commit_ms_p95)s, %(commit_ms_max)s, %(cpu_seconds)s,
        %(peak_rss_bytes)s
    )
    ON CONFLICT ON CONSTRAINT run_processes_pkey DO UPDATE SET
        first_request_at = excluded.first_request_at,
        last_request_at = excluded.last_request_at, requests = excluded.requests,
        statements = excluded.statements, transactions = excluded.transactions,
        transaction_ms = excluded.transaction_ms,
        transaction_ms_p50 = excluded.transaction_ms_p50,
        transaction_ms_p95 = excluded.transaction_ms_p95,
        transaction_ms_max = excluded.transaction_ms_max,
        cpu_seconds = excluded.cpu_seconds, peak_rss_bytes = excluded.peak_rss_bytes
"""


class Meter:
    """Writes what this process did for one run; used by the main thread only."""

    def __init__(self, connection: Connection, run_id: int, traffic: Traffic, rate: float) -> None:
        """rate: the configured limit in requests a second, 0 for none."""
        self._connection = connection
        self._run_id = run_id
        self._traffic = traffic
        self._rate_limit = rate or None
        self._written = Sums()
        self._trouble = ""
        # The lock of the account is held: no other process takes this number.
        self._process = scalar(
            connection,
            "SELECT 1 + coalesce(max(process), 0) FROM ops.run_processes WHERE run_id = %s",
            (run_id,),
        )
        self.write()

    def write(self) -> None:
        """Bring ops up to date. A load does not fail by it: the next time writes the rest."""
        if self._connection.closed:
            return  # the reason is reported elsewhere
        sums = self._traffic.so_far()
        try:
            self._connection.execute(_WRITE, self._row(sums))
        except psycopg.Error as exc:
            self._trouble = " ".join(str(exc).split())
        else:
            self._written, self._trouble = sums, ""

    def close(self) -> None:
        """Write for the last time, and say so when that was in vain."""
        self.write()
        if self._trouble:
            logger.warning("the metrics of this run are incomplete: %s", self._trouble)

    def _row(self, sums: Sums) -> dict[str, object]:
        now = time.monotonic()
        first, last = sums.first, sums.last
        return {
            "run_id": self._run_id,
            "process": self._process,
            "more": json.dumps(_more(sums, self._written)),
            "first_seconds_ago": None if first is None else now - first,
            "last_seconds_ago": None if last is None else now - last,
            "requests": sums.requests.total(),
            "rate_limit": self._rate_limit,
            "cpu_seconds": usage.cpu_seconds(),
            "peak_rss_bytes": usage.peak_rss_bytes(),
        } | asdict(statements.SENT.so_far())


def _more(now: Sums, before: Sums) -> list[dict[str, object]]:
    """What came since, one row per stream and status."""
    return [
        {
            "stream": stream,
            "status": status,
            "requests": more,
            "retries": now.retries[stream, status] - before.retries[stream, status],
        }
        for (stream, status), more in (Counter(now.requests) - before.requests).items()
    ]
