"""The file for node_exporter: it parses, it equals the database, it appears whole."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from loader import textfile
from loader.db import Connection, scalar
from loader.errors import UsageError
from tests.support.commands import Commands

Metrics = dict[tuple[str, frozenset[tuple[str, str]]], float]


def parsed(path: Path) -> Metrics:
    text = path.read_text(encoding="utf-8")
    samples = [s for family in text_string_to_metric_families(text) for s in family.samples]
    found = {(s.name, frozenset(s.labels.items())): s.value for s in samples}
    assert len(found) == len(samples)
    assert {sample.timestamp for sample in samples} == {None}
    return found


def getter(metrics: Metrics) -> Callable[..., float]:
    """Look one up by name and labels."""

    def get(name: str, **labels: object) -> float:
        key = frozenset((label, str(value)) for label, value in labels.items())
        return metrics[f"amo_loader_{name}", key]

    return get


def test_equals_the_database(loaded: Commands, connection: Connection, tmp_path: Path) -> None:
    path = tmp_path / "amo_loader.prom"
    connection.execute("UPDATE ops.run_processes SET rate_limit = 1e9")

    result = loaded.ok("status", "--textfile", str(path), AMO_TEXTFILE="")

    assert (result.out, result.err) == ("", "")
    get, account = getter(parsed(path)), scalar(connection, "SELECT max(account_id) FROM ops.runs")
    for stream, count in connection.execute(
        "SELECT stream, count(*) FROM amo.documents GROUP BY 1"
    ):
        assert get("stream_entities", account=account, stream=stream) == count
        read = get("stream_rows", account=account, stream=stream, result="read")
        assert read == get("stream_rows", account=account, stream=stream, result="inserted")
        assert get("stream_expected", account=account, stream=stream) == 1
    for status, requests in connection.execute(
        "SELECT status, sum(requests) FROM ops.run_requests GROUP BY status"
    ):
        assert get("api_requests", account=account, status=status) == requests
    for kind, own, finished, seconds in connection.execute(
        "SELECT kind, account_id, floor(extract(epoch FROM finished_at)),"
        " extract(epoch FROM finished_at - started_at)::float FROM ops.runs"
    ):
        labels = {"account": own or "", "kind": kind}
        assert get("last_success_timestamp_seconds", **labels) == finished
        assert get("last_run_exit_code", **labels) == 0
        assert get("last_run_status", **labels, status="ok") == 1
        assert get("last_run_duration_seconds", **labels) == pytest.approx(seconds, abs=0.001)
    assert get("request_rate_share", account=account) >= 0
    assert get("transform_wal_bytes", account="") == scalar(
        connection, "SELECT sum(wal_bytes) FROM ops.transforms"
    )
    assert get("size_bytes", part="documents") == scalar(
        connection, "SELECT pg_total_relation_size('amo.documents')"
    )
    rejects = connection.execute("SELECT stream, count(*) FROM ops.rejects GROUP BY stream")
    for stream, count in rejects.fetchall():
        assert get("stream_rejects", account=account, stream=stream) == count
    assert get("tuning", state="orphaned") == get("unknown_keys") == 0


def test_after_a_failure(loaded: Commands, connection: Connection, tmp_path: Path) -> None:
    """The last success stays what it was, and settings that were left behind are counted."""
    path = tmp_path / "a.prom"
    connection.execute(
        "INSERT INTO ops.runs (kind, mode, status, exit_code, finished_at)"
        " VALUES ('refresh', 'full', 'ok', 0, to_timestamp(1000)),"
        " ('refresh', 'full', 'failed', 60, now())"
    )
    connection.execute("ALTER TABLE amo.leads SET (autovacuum_enabled = off)")

    textfile.write(connection, path)

    get = getter(parsed(path))
    assert get("last_success_timestamp_seconds", account="", kind="refresh") == 1000
    assert get("last_run_exit_code", account="", kind="refresh") == 60
    assert get("last_run_status", account="", kind="refresh", status="failed") == 1
    assert get("tuning", state="foreign") == 1


def test_nothing_loaded(connection: Connection, tmp_path: Path) -> None:
    """Before the first load there is little to say, but a file."""
    textfile.write(connection, tmp_path / "a.prom")

    names = {name for name, _ in parsed(tmp_path / "a.prom")}
    assert {"amo_loader_info", "amo_loader_size_bytes"} <= names
    assert not any(name.startswith("amo_loader_last") for name in names)


def test_appears_whole(connection: Connection, tmp_path: Path) -> None:
    """Another file takes the place of the old one, readable for all, and leaves nothing beside."""
    path = tmp_path / "a.prom"
    path.write_text("old", encoding="utf-8")
    before = path.stat().st_ino
    mask = os.umask(0o077)
    try:
        textfile.write(connection, path)
    finally:
        os.umask(mask)

    assert path.stat().st_ino != before
    assert path.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("where", ["missing/a.prom", "a file/a.prom", "folder.prom", "."])
def test_cannot_be_written(connection: Connection, tmp_path: Path, where: str) -> None:
    """It is said in a DBA's words, and nothing is left beside."""
    (tmp_path / "a file").write_text("", encoding="utf-8")
    (tmp_path / "folder.prom" / "inner").mkdir(parents=True)

    with pytest.raises(UsageError) as caught:
        textfile.write(connection, tmp_path / where)

    assert str(tmp_path) in caught.value.detail
    assert "--collector.textfile.directory" in caught.value.hint
    assert {path.name for path in tmp_path.iterdir()} == {"a file", "folder.prom"}


def test_a_device_stays_one(connection: Connection, tmp_path: Path) -> None:
    """As root a rename would replace /dev/stdout or a pipe; a link is written through."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link.prom").symlink_to(tmp_path / "a.prom")

    with pytest.raises(UsageError):
        textfile.write(connection, tmp_path / "pipe")
    textfile.write(connection, tmp_path / "link.prom")

    assert (tmp_path / "pipe").is_fifo()
    assert (tmp_path / "link.prom").is_symlink()
    assert (tmp_path / "a.prom").is_file()
