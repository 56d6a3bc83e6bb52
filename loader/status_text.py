"""How things stand, for a person: at most 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from loader.report import Row, table
from loader.status import Values, span

_WIDTH = 80


def text(document: Values, verbosity: int = 0) -> str:
    """The whole page: runs, what runs now, streams, and what needs a look."""
    parts = [
        _runs(document["runs"]),
        "\n".join(_running(document["running"], verbosity)),
        _streams(document["streams"]),
        *(_details(document["streams"]) if verbosity else ()),
        "\n".join(_remarks(document)),
    ]
    return "\n\n".join(filter(None, parts))


def number(value: int | None) -> str:
    """As it is up to seven digits, then in millions."""
    if value is None:
        return ""
    return str(value) if value < 10_000_000 else f"{value / 1e6:.1f}M"


def size(value: int) -> str:
    """Bytes in kB, MB or GB, as PostgreSQL counts them."""
    for unit, bytes_of_it in (("kB", 1024), ("MB", 1024**2)):
        if value < 10_000 * bytes_of_it:
            return f"{value / bytes_of_it:.0f} {unit}"
    return f"{value / 1024**3:.0f} GB"


def _wrapped(line: str) -> str:
    """One sentence over as many lines as it takes; what has no blanks is cut."""
    return textwrap.fill(" ".join(line.split()), _WIDTH, subsequent_indent="  ")


def _runs(runs: Sequence[Values]) -> str:
    """A table under the name of each account; a transform or a refresh is of all of them."""
    urls = {run["account_id"]: run["base_url"] for run in runs if run["account_id"]}
    lines: list[str] = []
    for account, url in urls.items():
        own = [run for run in runs if len(urls) == 1 or run["account_id"] == account]
        lines += [_wrapped(f"account {account}, {url}"), _last_runs(own)]
    if len(urls) != 1:
        lines.append(_last_runs([run for run in runs if not run["account_id"]]))
    lines += [_wrapped(f"{_name(run)}: {run['message']}") for run in runs if run["message"]]
    return "\n".join(lines)


def _last_runs(runs: Sequence[Values]) -> str:
    rows: list[Row] = [
        (
            _name(run) + ("" if run["mode"] in ("full", "transform") else f" {run['mode'][:11]}"),
            str(run["started_at"])[:16].replace("T", " "),
            "" if run["seconds"] is None else span(run["seconds"]),
            run["status"] + (f" [{run['exit_code']}]" if run["exit_code"] else ""),
            "" if run["age"] is None else span(run["age"]),
        )
        for run in runs
    ]
    return table(("last", "began (UTC)", "took", "ended", "ago"), rows)


def _name(run: Values) -> str:
    return f"{run['kind']} {run['run_id']}"


def _running(steps: Sequence[Values], verbosity: int) -> Iterator[str]:
    for run in steps:
        if run["kind"] == "stream":
            continue
        yield _wrapped(_sentence(run))
        streams = [
            (
                f"  {step['what']}",
                step["state"],
                number(step["done"]),
                number(step["known"]),
                number(step["rows"]),
                "" if step["eta"] is None else span(step["eta"]),
            )
            for step in steps
            if step["kind"] == "stream"
            and step["run_id"] == run["run_id"]
            and (verbosity or step["state"] == "reading")
        ]
        if streams:
            yield table(("  stream", "state", "pages", "known", "rows", "left"), streams)


def _sentence(run: Values) -> str:
    """What a run is at, how far it is, and when it may be done."""
    name = _name(run)
    if run["state"] == "dead":
        again = {"load": "the next bin/load continues it"}.get(run["kind"], "its work was undone")
        if run["kind"] == "refresh":
            again = "the next one takes over"
        return f"{name} is dead: its process is gone without a word; {again}"
    parts = [
        f"{name} runs for {span(run['elapsed'])}" + (f", {run['what']}" if run["what"] else "")
    ]
    if run["done"] is not None:
        unit = "pages" if run["kind"] == "load" else "files"
        known = f" of {run['known']}" if run["known"] else ""
        parts.append(f"{run['done']}{known} {unit}")
    if run["rate"] is not None:
        parts.append(f"{run['rate']:g} a second")
    parts.append("about " + span(run["eta"]) + " left" if run["eta"] is not None else "no estimate")
    return ", ".join(parts)


def _streams(streams: Sequence[Values]) -> str:
    rows: list[Row] = []
    for account in dict.fromkeys(stream["account_id"] for stream in streams):
        own = [stream for stream in streams if stream["account_id"] == account]
        rows += [
            (
                stream["stream"],
                "never" if stream["age"] is None else span(stream["age"]),
                number(stream["entities"]),
                number(_changed(stream)),
                number(stream["rejects"]),
                stream["status"],
            )
            for stream in own
        ]
        rows.append((
            f"account {account}", "",
            number(sum(stream["entities"] for stream in own)),
            number(sum(_changed(stream) or 0 for stream in own)),
            number(sum(stream["rejects"] for stream in own)), "",
        ))  # fmt: skip
    notes = [
        _wrapped(f"{stream['stream']} {stream['status']}: {stream['message']}")
        for stream in streams
        if stream["message"] and stream["status"] in ("complete", "skipped", "failed")
    ]
    head = ("stream", "age", "rows", "changed", "rejects", "last load")
    return "\n".join([table(head, rows), *notes]) if rows else ""


def _changed(stream: Values) -> int | None:
    if stream["inserted"] is None:
        return None
    return int(stream["inserted"] + stream["updated"] + stream["deleted"])


def _details(streams: Sequence[Values]) -> Iterator[str]:
    """What the last load asked and the last transform did, and how far each stream was read."""
    if not streams:
        return
    names = ("entities_read", "pages", "requests", "inserted", "updated", "deleted")
    rows: list[Row] = [
        (stream["stream"], *(number(stream[name]) for name in names)) for stream in streams
    ]
    yield table(("stream", "read", "pages", "requests", "new", "updated", "deleted"), rows)
    marks: list[Row] = [
        (stream["stream"], str(stream["watermark"])[:19].replace("T", " "), stream["account_id"])
        for stream in streams
        if stream["watermark"]
    ]
    if marks:
        yield table(("stream", "watermark (UTC)", "account"), marks)


def _remarks(document: Values) -> Iterator[str]:
    for run in document["runs"]:
        if run["rate"] is not None:
            yield _wrapped(_speed(run))
    sizes = document["bytes"]
    if sizes:
        names = ("staging", "documents", "amo", "mart", "ops")
        yield "size: " + ", ".join(f"{name} {size(sizes[name])}" for name in names if name in sizes)
    if rejects := sum(kind["rejects"] for kind in document["rejects"]):
        yield f"rejects: {number(rejects)}, see ops.v_rejects"
    if document["drift"]:
        yield f"keys that no column reads: {len(document['drift'])}, see ops.v_drift"
    left = {state: count for state, count in document["tuning"].items() if count}
    if left:
        states = ", ".join(f"{count} {state}" for state, count in sorted(left.items()))
        yield f"tuning: {states}, see bin/tune status"


def _speed(run: Values) -> str:
    line = f"speed: {run['requests']} requests in load {run['run_id']}, {run['rate']:.2f}/s"
    if run["rate_share"] is None:
        return f"{line}, no limit"
    share = f"{100 * run['rate_share']:.1f} %"
    return f"{line}, {share} of the limit of {run['rate_limit']:g}/s"
