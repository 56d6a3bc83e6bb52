"""Metrics for Prometheus, in a file that node_exporter's textfile collector reads."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge, write_to_textfile

from loader import status
from loader.db import Connection
from loader.errors import UsageError
from loader.status import Values

_PREFIX = "amo_loader_"
_RESULTS = ("entities_read", "inserted", "updated", "deleted")

Samples = Iterable[tuple[dict[str, object], object]]


def write(connection: Connection, path: Path) -> None:
    """Read how things stand and write it to `path`, whole or not at all, mode 0644.

    Raises UsageError when the file cannot be written.
    """
    save(status.read(connection), path)


def save(document: Values, path: Path) -> None:
    """The same, of what status.read gave."""
    path = path.resolve()  # a link stays one
    try:
        if path.exists() and not path.is_file():
            # For root the rename below would put a file in the place of a device.
            raise OSError("it is no file")
        write_to_textfile(str(path), metrics(document))  # beside it, then renamed
        path.chmod(0o644)  # whatever the umask of a service is
    except OSError as exc:
        raise UsageError(
            "the file of metrics cannot be written",
            detail=f"{path}: {exc.strerror or exc}",
            hint="its folder has to exist and to be writable for this user; node_exporter reads "
            "*.prom in the folder of --collector.textfile.directory",
        ) from exc


def metrics(document: Values) -> CollectorRegistry:
    """What the document says, as gauges: they are states, not counts since a start."""
    registry = CollectorRegistry()
    _gauge(registry, "info", "The version that wrote this file.", [
        ({"version": document["version"]}, 1),
    ])  # fmt: skip
    _add_runs(registry, document["runs"])
    _add_streams(registry, document["streams"])
    _gauge(registry, "api_requests", "HTTP requests of the last load by status.", [
        (_account(row) | {"status": row["status"]}, row["requests"])
        for row in document["requests"]
    ])  # fmt: skip
    _gauge(registry, "size_bytes", "Size on disk by schema; documents is amo.documents.", [
        ({"part": part}, size) for part, size in document["bytes"].items()
    ])  # fmt: skip
    _gauge(registry, "tuning", "Settings that bin/tune or others left in this state.", [
        ({"state": state}, count) for state, count in document["tuning"].items()
    ])  # fmt: skip
    _gauge(registry, "unknown_keys", "JSON keys that no typed column reads.", [
        ({}, len(document["drift"])),
    ])  # fmt: skip
    return registry


def _add_runs(registry: CollectorRegistry, runs: list[Values]) -> None:
    def of_runs(name: str, help_text: str, key: str) -> None:
        _gauge(registry, name, help_text, [
            (_account(run) | {"kind": run["kind"]}, run[key]) for run in runs
        ])  # fmt: skip

    of_runs(
        "last_success_timestamp_seconds", "When the last one that ended well ended.", "last_success"
    )
    of_runs("last_run_start_timestamp_seconds", "When the last one began.", "started_at")
    of_runs("last_run_exit_code", "Of the last one that ended.", "exit_code")
    of_runs("last_run_duration_seconds", "Of the last one, once it ended.", "seconds")
    _gauge(registry, "last_run_status", "1 for the state of the last one.", [
        (_account(run) | {"kind": run["kind"], "status": run["status"]}, 1) for run in runs
    ])  # fmt: skip
    loads = [run for run in runs if run["kind"] == "load"]
    _gauge(registry, "request_rate", "Requests a second of the last load.", [
        (_account(run), run["rate"]) for run in loads
    ])  # fmt: skip
    _gauge(registry, "request_rate_share", "The same as a share of its limit; 1 is all of it.", [
        (_account(run), run["rate_share"]) for run in loads
    ])  # fmt: skip
    _gauge(registry, "transform_wal_bytes", "WAL of the server during the last transform.", [
        (_account(run), run["wal_bytes"]) for run in runs if run["kind"] == "transform"
    ])  # fmt: skip


def _add_streams(registry: CollectorRegistry, streams: list[Values]) -> None:
    def of_streams(name: str, help_text: str, key: str) -> None:
        _gauge(registry, name, help_text, [
            (_stream(stream), stream[key]) for stream in streams
        ])  # fmt: skip

    of_streams(
        "stream_last_success_timestamp_seconds",
        "When a load was last done with it.",
        "last_success",
    )
    of_streams("stream_age_seconds", "Since then, when this file was written.", "age")
    of_streams("stream_expected", "1: the load that reads everything reads it.", "is_expected")
    of_streams("stream_entities", "Entities that are kept and not deleted.", "entities")
    of_streams("stream_rejects", "Values in ops.rejects.", "rejects")
    _gauge(
        registry,
        "stream_rows",
        "Entities by result: read by the last load; inserted, updated, deleted by the last "
        "transform.",
        [
            (_stream(stream) | {"result": result.removeprefix("entities_")}, stream[result])
            for stream in streams
            for result in _RESULTS
        ],
    )


def _gauge(registry: CollectorRegistry, name: str, help_text: str, samples: Samples) -> None:
    """A gauge with its samples; what is not known is left out."""
    known = [(labels, value) for labels, value in samples if value is not None]
    names = tuple(known[0][0]) if known else ()
    gauge = Gauge(_PREFIX + name, help_text, names, registry=registry)
    if not known:
        registry.unregister(gauge)
    for labels, value in known:
        (gauge.labels(**labels) if labels else gauge).set(_number(value))


def _number(value: object) -> float:
    """A time as Unix seconds, all else as it is."""
    if isinstance(value, str):
        return datetime.fromisoformat(value).timestamp()
    assert isinstance(value, (int, float))  # noqa: S101 - what status.read gives
    return float(value)


def _account(row: Values) -> dict[str, object]:
    return {"account": row["account_id"] or ""}


def _stream(row: Values) -> dict[str, object]:
    return _account(row) | {"stream": row["stream"]}
