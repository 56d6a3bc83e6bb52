"""Which requests were sent, and which of them the ledger of pages makes unnecessary."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

from loader.db import Connection
from loader.streams import ACCOUNT, BY_NAME
from sandbox.process import Sandbox

# Path and query of a request, whatever the order of its parameters.
Request = tuple[str, frozenset[tuple[str, str]]]


def asked(account: Sandbox) -> set[Request]:
    """The requests since the last reset of the statistics."""
    urls = [urlsplit(target) for target in account.targets()]
    return {(url.path, frozenset(parse_qsl(url.query))) for url in urls}


def committed(connection: Connection) -> set[Request]:
    """The requests whose pages are in the ledger and in staging, waiting for a transform.

    Without the account, which every load asks for to know where it is, and without questions
    by id: what such an answer lacks may be back the next time.
    """
    rows = connection.execute(
        "SELECT pages.stream, pages.params, pages.page_no FROM ops.pages"
        " INNER JOIN ops.runs ON runs.id = pages.run_id INNER JOIN staging.pages AS staged"
        " USING (run_id, stream, params, page_no)"
        " WHERE pages.status = 'staged' AND runs.transformed_by IS NULL"
        " AND runs.status <> 'abandoned' AND pages.stream <> %s AND NOT pages.params ? 'ids'",
        (ACCOUNT.name,),
    )
    return {_request(*row) for row in rows}


def _request(stream_name: str, params: dict[str, str], page_no: int) -> Request:
    stream = BY_NAME[stream_name]
    path = stream.path.format(id=params.get("parent_id"))
    # The other names are labels of the ledger: a parent, a round of checks, a moment.
    query = {
        name: value for name, value in params.items() if "[" in name or name in ("with", "limit")
    }
    if stream.page_limit is not None:
        query["page"] = str(page_no)
    return f"/api/v4/{path}", frozenset(query.items())
