"""The file service of the account, on the same port: below /v1.0/ (facts §5.20)."""

from __future__ import annotations

from sandbox import pages, wire
from sandbox.generate.account import Account
from sandbox.pages import Shown
from sandbox.problems import NO_CONTENT, Answer, failure, html, invalid, problem
from sandbox.query import BadQueryError, Query, parse
from sandbox.settings import Settings
from sandbox.store import Collection, Question
from sandbox.streams import FILES

ROOT = "/v1.0/"

_JSON = "application/json"


class Drive:
    """Everything below /v1.0/."""

    def __init__(self, account: Account, settings: Settings, base_url: str) -> None:
        self._account = account
        self._settings = settings
        self._shown = Shown(base_url, account.id, settings)

    def answer(self, path: str, query_string: str) -> Answer:
        """Answer a GET by its path below the root."""
        if refused := self._refusal():
            return refused
        files = self._account.collection(FILES)
        try:
            query = parse(query_string)
        except BadQueryError as error:
            return invalid(error.path, error.detail)
        name, _, id_ = path.partition("/")
        if name != "files":
            return problem(404, "Not found")
        if id_:
            row = files.rows.get(id_)
            body = None if row is None else row.core + b"}"
            return problem(404, "File not found") if body is None else self._finished(body)
        body = self._list(files, query)
        return NO_CONTENT if body is None else self._finished(body)

    def _refusal(self) -> Answer | None:
        answer = self._settings.drive_answer
        if answer == "html 403":
            return html(403)
        return None if answer == "on" else failure(int(answer))

    def _list(self, files: Collection, query: Query) -> bytes | None:
        limit = min(query.limit or FILES.default_limit, self._settings.drive_limit)
        # The newest come first, as in the sample of the documentation.
        rows = files.select(files.rows, Question(order="created_at", descending=True))
        first = (query.page - 1) * limit
        shown = rows[first : first + limit]
        if not shown:
            return None
        links = {"self": query.page}
        if first + limit < len(rows):
            links["next"] = query.page + 1
        text = ",".join(
            f'"{name}":{{"href":"{wire.BASE}files?{query.echo(page, limit)}"}}'
            for name, page in links.items()
        )
        items = b",".join(row.core + self._shown.unknown_keys + b"}" for row in shown)
        head = f'{{"_count":{len(shown)},"_links":{{{text}}},"_embedded":{{"files":['
        return b"".join((head.encode(), items, b"]}}"))

    def _finished(self, body: bytes) -> Answer:
        body = body.replace(wire.BASE_MARK, f"{self._base}{ROOT}".encode())
        return Answer(200, pages.finish(body, "", self._shown), _JSON)

    @property
    def _base(self) -> str:
        return self._settings.link_host or self._shown.base_url
