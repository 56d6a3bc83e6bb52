"""The dashboard: every query gives rows to a role that may read the views and nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql

from loader import db, locks
from loader.db import Connection, scalar
from tests.support.commands import ROOT, Commands

DASHBOARD = json.loads((ROOT / "contrib/grafana/amo-loader.json").read_text(encoding="utf-8"))
PANELS = [
    (f"{panel['title']}: {target['refId']}", panel, target)
    for panel in DASHBOARD["panels"]
    for target in panel["targets"]
]
FROM, TO = "2020-01-01T00:00:00Z", "2120-01-01T00:00:00Z"


def expanded(query: str) -> str:
    """As Grafana fills its macros in."""
    query = re.sub(r"\$__timeFilter\((\w+)\)", rf"\1 BETWEEN '{FROM}' AND '{TO}'", query)
    query = query.replace("$__timeFrom()", f"'{FROM}'").replace("$__timeTo()", f"'{TO}'")
    assert "$" not in query
    return query


@pytest.fixture
def reader(connection: Connection) -> Iterator[str]:
    """A role with the grants of docs/MONITORING.md."""
    role = f"grafana_{connection.info.backend_pid}"
    text = (ROOT / "docs/MONITORING.md").read_text(encoding="utf-8")
    grants = re.findall(r"^GRANT [^;]+ TO reader;$", text, re.MULTILINE)
    assert len(grants) == 2
    connection.execute(sql.SQL("CREATE ROLE {}").format(sql.Identifier(role)))
    for grant in grants:
        connection.execute(grant.replace("TO reader", f"TO {role}").encode())
    yield role
    connection.execute(f"DROP OWNED BY {role}; DROP ROLE {role}".encode())


def test_every_panel_has_rows(
    loaded: Commands, dsn: str, connection: Connection, reader: str
) -> None:
    """After a night, while something runs, and after a key was met that nobody knew."""
    connection.execute("UPDATE ops.run_processes SET rate_limit = 7")
    connection.execute(
        "INSERT INTO ops.runs (kind, mode, account_id, streams)"
        " SELECT kind, mode, account_id, streams FROM ops.runs WHERE kind = 'load'"
    )
    connection.execute(
        "INSERT INTO ops.document_keys (account_id, stream, key, documents, example_id)"
        " SELECT account_id, 'leads', 'mood', 1, '1' FROM ops.runs WHERE kind = 'load' LIMIT 1"
    )

    with db.connect(dsn, command="grafana") as other:
        other.execute(f"SET ROLE {reader}".encode())
        other.execute("SET default_transaction_read_only = on")
        for name, panel, target in PANELS:
            cursor = other.execute(expanded(target["rawSql"]).encode())
            columns = [column.name for column in cursor.description or ()]
            rows = cursor.fetchall()
            assert rows, name
            assert any(value is not None for value in rows[0]), name
            if target["format"] == "time_series":
                assert columns[0] == "time", name
                assert rows == sorted(rows, key=lambda row: row[0]), name
            named = {o["matcher"]["options"] for o in panel["fieldConfig"]["overrides"]}
            assert named <= set(columns), name
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            other.execute("SELECT FROM ops.tokens")


def test_growth_ends_at_what_is_there(loaded: Commands, connection: Connection) -> None:
    """Entities after each transform: the last point is the number of today."""
    loaded.ok("transform")
    (growth,) = (target for name, _, target in PANELS if name.startswith("Growth"))

    points = connection.execute(expanded(growth["rawSql"]).encode()).fetchall()

    total = scalar(connection, "SELECT count(*) FROM amo.documents")
    assert [entities for _, entities in points] == [total, total]


def test_a_reader_sees_what_is_alive(
    loaded: Commands, dsn: str, connection: Connection, reader: str
) -> None:
    """The session of a load tells a role without rights as much as it tells its owner."""
    connection.execute(
        "INSERT INTO ops.runs (kind, mode, account_id, streams)"
        " VALUES ('load', 'full', 77, '{}'), ('load', 'full', 78, '{}')"
    )
    with (
        db.connect(dsn, command="load") as load,
        db.connect(dsn, command="grafana") as other,
    ):
        locks.acquire(load, 78)
        other.execute(f"SET ROLE {reader}".encode())

        rows = other.execute("SELECT account_id, is_alive FROM ops.v_running ORDER BY 1")

        assert rows.fetchall() == [(77, False), (78, True)]


def ids(value: Any) -> Iterator[str]:
    """The data sources that are named anywhere."""
    if isinstance(value, dict):
        if "uid" in value and "type" in value:
            yield value["uid"]
        value = list(value.values())
    if isinstance(value, list):
        for inner in value:
            yield from ids(inner)


def test_ready_to_be_provisioned() -> None:
    """No data source of somebody's Grafana, no two panels of one number or in one place."""
    panels = DASHBOARD["panels"]

    assert DASHBOARD["id"] is None
    assert set(ids(panels)) == {"${datasource}"}
    assert [v["name"] for v in DASHBOARD["templating"]["list"]] == ["datasource"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(set(taken)) == len(taken)
    assert max(x for x, _ in taken) == 23
