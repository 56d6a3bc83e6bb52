"""Checks of the runs: what hangs, what waits, when it last went well."""

from __future__ import annotations

from typing import LiteralString

from loader.db import scalar
from loader.doctor.finding import DAY, HOUR, Finding, Measure, Skip, fail, first, ok, span, warn
from loader.doctor.scene import Scene

_RUNNING: LiteralString = """
    SELECT run_id, kind, is_alive, extract(epoch FROM now() - since)
    FROM ops.v_running
    ORDER BY run_id
"""
_STILL: LiteralString = (
    "SELECT id FROM ops.runs WHERE id = ANY (%s) AND status = 'running' ORDER BY id"
)

# What a load or a transform opens. Before they write down that they run they may clear staging,
# and after it they vacuum: both take their time, but in no open transaction that is idle.
_BACKENDS: LiteralString = r"""
    SELECT
        backend.pid,
        backend.application_name,
        CASE
            WHEN cardinality(blockers.pids) > 0
                THEN 'is blocked by pid ' || array_to_string(blockers.pids, ', ')
            WHEN backend.state LIKE 'idle in transaction%' THEN 'is idle in a transaction'
            ELSE 'still works'
        END,
        extract(epoch FROM clock_timestamp() - backend.since)
    FROM (
        SELECT *, coalesce(state_change, backend_start) AS since
        FROM pg_stat_activity
        WHERE
            datname = current_database()
            AND pid <> pg_backend_pid()
            AND application_name ~ '^amo-(load|transform|refresh|guard|auth|pace)/'
            AND (state <> 'idle' OR state IS NULL)
    ) AS backend
    CROSS JOIN LATERAL (SELECT pg_blocking_pids(backend.pid) AS pids) AS blockers
    WHERE
        backend.since < clock_timestamp() - interval '2 seconds'
        AND (
            cardinality(blockers.pids) > 0
            OR NOT EXISTS (SELECT FROM ops.runs WHERE status = 'running')
            AND (
                backend.state LIKE 'idle in transaction%'
                OR backend.since < clock_timestamp() - interval '10 minutes'
                AND backend.query !~* '^\s*(vacuum|analyze)'
            )
        )
    ORDER BY backend.since
"""
# What is not shown to this role are the times of others, not that they are there.
_SEES_OTHERS: LiteralString = """
    SELECT count(*) = 0 FROM pg_stat_activity
    WHERE datname = current_database() AND application_name LIKE 'amo-%' AND backend_start IS NULL
"""
_WAITING: LiteralString = """
    SELECT
        array_agg(run.id ORDER BY run.id),
        extract(epoch FROM now() - min(run.finished_at)),
        sum((
            SELECT coalesce(sum(page.bytes::bigint), 0) FROM ops.pages AS page
            WHERE page.run_id = run.id AND page.status = 'staged'
        ))::bigint
    FROM ops.runs AS run
    WHERE
        run.kind = 'load' AND run.transformed_by IS NULL
        AND run.status IN ('ok', 'partial') AND run.finished_at IS NOT NULL
"""
_LAST_RUNS: LiteralString = """
    SELECT DISTINCT ON (kind) kind, id, status, exit_code, message
    FROM ops.runs
    WHERE status NOT IN ('running', 'abandoned') AND finished_at IS NOT NULL
    ORDER BY kind, id DESC
"""
_SUCCESS: LiteralString = """
    SELECT extract(epoch FROM now() - max(transform.finished_at))
    FROM ops.runs AS transform
    WHERE
        transform.kind = 'transform' AND transform.status = 'ok'
        AND EXISTS (
            SELECT FROM ops.runs AS load
            WHERE load.transformed_by = transform.id AND load.status = 'ok'
            AND load.mode IN ('full', 'incremental')
        )
"""


def stale_runs(scene: Scene) -> Finding:
    """Every run that is written down as running does run

    WARN: its process or backend is gone. The next command of its kind takes it over.
    """
    rows = scene.db.execute(_RUNNING).fetchall()
    dead = {
        number: f"{kind} {number} for {span(age)}"
        for number, kind, is_alive, age in rows
        if not is_alive
    }
    # One may have ended since its row was read.
    gone = [dead[number] for (number,) in scene.db.execute(_STILL, (list(dead),))] if dead else []
    if gone:
        return warn(
            f"written down as running, and nobody is: {first(gone)}",
            "the same command again: bin/load continues, bin/transform begins anew",
        )
    return ok(f"{len(rows)} running" if rows else "none is running")


def backends(scene: Scene) -> Finding:
    """No session of ours is blocked or left behind

    WARN: one of load, transform or refresh is blocked; or, while no run is written down as running,
    is idle in a transaction, or busy for 10 minutes with something else than VACUUM.
    """
    if not scalar(scene.db, _SEES_OTHERS):
        raise Skip(f"{scene.db.info.user} sees its own sessions only; pg_monitor sees all")
    rows = scene.db.execute(_BACKENDS).fetchall()
    if not rows:
        return ok("none is blocked or left behind")
    words = [f"pid {pid} ({name}) {what}, {span(age)}" for pid, name, what, age in rows]
    return warn(
        first(words),
        f"pg_stat_activity shows what it does; SELECT pg_terminate_backend({rows[0][0]}) ends"
        " it, and what it had not committed is undone",
    )


def waiting(scene: Scene) -> Finding:
    """No load waits for its transform for more than a day

    WARN: one does; its pages lie in staging and are in no table of amo.
    """
    ids, age, size = scene.db.execute(_WAITING).fetchone() or (None, 0, 0)
    if not ids:
        return ok("no load waits for a transform")
    names = first([str(number) for number in ids])
    detail = f"load {names} waits for a transform for {span(age)}, {size / 1e6:.1f} MB of JSON"
    return warn(detail, "bin/transform") if age > DAY else ok(detail)


def last_runs(scene: Scene) -> Finding:
    """The last load, transform and refresh ended well

    WARN: one did not; its message is shown.
    """
    bad = [
        f"{kind} {number} {status}" + (f" [{code}]: {message}" if message else "")
        for kind, number, status, code, message in scene.db.execute(_LAST_RUNS)
        if status != "ok"
    ]
    if bad:
        return warn("; ".join(bad), "the same command again continues; its HINT says more")
    return ok("all ended well")


def last_success(scene: Scene) -> Finding:
    """What people read is of last night

    The age of the last transform that took a whole load, full or incremental. WARN: older than
    --max-age (26 h), FAIL: a day older than that (50 h). WARN: there was none yet.
    """
    limit = round(scene.max_age_hours * HOUR)
    age = None if scene.state.is_empty else scalar(scene.db, _SUCCESS)
    if age is None:
        return warn("nothing was loaded and transformed yet", "bin/refresh")
    measure = Measure("age", max(0, int(age)), "s", limit, limit + DAY)
    detail = f"{span(age)} ago"
    hint = "look at the last runs: SELECT * FROM ops.runs ORDER BY id DESC LIMIT 5"
    if age > limit + DAY:
        return fail(detail, hint, measure)
    return warn(detail, hint, measure) if age > limit else ok(detail, measure)
