"""Pages of a list that shifted while it was read: rows before a page went, or came, so all rows moved along.

A list is read by number (``page``, ``size``), by offset (``skip`` or ``offset`` with ``limit``; ``from`` with
``size`` in a search), or behind a row (``search_after`` in a search, ``id__gt``). Of the first two the real
systems shift pages like that; behind a row they do when a copy of the index lags behind. A list's first page
never shifts: what went before it was never there.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.types import ASGIApp, Message, Receive, Scope

from qsync_pipeline.sandbox.withheld import Answer, rows_of

Json = dict[str, Any]
Fetch = Callable[[int, int], Awaitable[list[Any]]]
"""Rows of the list from this place on, so many of them."""

STEP = 100
"""Rows that are looked through at once for the place of a page that was asked for behind a row."""
DEFAULTS = {"page": 50, "skip": 100, "offset": 100, "from": 10}
"""Rows of a page where the request does not say (Qualytics, Alation, others, Atlan's search)."""


async def ahead(receive: Receive) -> tuple[bytes, Receive]:
    """The whole body of a request, and how it is received once more."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return waiting.pop() if waiting else await receive()

    return body, again


class Request:
    """A request that can be sent to the system again, with other pages asked for."""

    def __init__(self, app: ASGIApp, scope: Scope, body: bytes) -> None:
        self._app = app
        self._own = scope
        self._scope = dict(scope)  # the router changes the one that it gets
        self._body = body
        self.query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
        try:
            self.document = json.loads(body) if body else None
        except ValueError:
            self.document = None

    @classmethod
    async def of(cls, app: ASGIApp, scope: Scope, receive: Receive) -> Request:
        """A request with its whole body."""
        return cls(app, scope, (await ahead(receive))[0])

    async def sent(self) -> Answer:
        """The answer to the request as it is."""
        return await self._send(self._own, self._body)

    async def asking(self, query: Mapping[str, Any], dsl: Mapping[str, Any]) -> list[Any]:
        """The rows that are answered with these values changed; null takes one away."""
        pairs = parse_qsl(self._scope["query_string"].decode("latin-1"), keep_blank_values=True)
        kept = [pair for pair in pairs if pair[0] not in query]
        added = [(name, str(value)) for name, value in query.items() if value is not None]
        body = self._body
        if dsl and isinstance(self.document, dict):
            merged = {**self.document["dsl"], **dsl}
            left = {name: value for name, value in merged.items() if value is not None}
            body = json.dumps({**self.document, "dsl": left}).encode()
        headers = [pair for pair in self._scope["headers"] if pair[0] != b"content-length"]
        scope = {
            **self._scope,
            "query_string": urlencode([*kept, *added]).encode(),
            "headers": [*headers, (b"content-length", str(len(body)).encode())],
        }
        answer = await self._send(scope, body)
        return _rows(answer) if answer.status == 200 else []

    async def _send(self, scope: MutableMapping[str, Any], body: bytes) -> Answer:
        answer = Answer()
        incoming: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> Message:
            return incoming.pop() if incoming else {"type": "http.disconnect"}

        await self._app(scope, receive, answer.take)
        return answer


@dataclass(frozen=True)
class _Place:
    """Where a page stands in its list, and how rows of the list are fetched."""

    start: int
    size: int
    fetch: Fetch


async def shift(request: Request, answer: Answer, *, lose: bool, rows: int | None) -> bool:
    """Put the rows into an answer that stand ``rows`` (null: a page) further on, or further back.

    False where nothing can have shifted: the first page, no page of a list, an error.
    """
    own = _rows(answer)
    place = await _place(request, own) if answer.status == 200 else None
    if place is None or place.start <= 0:
        return False
    by = place.size if rows is None else min(rows, place.size)
    start = place.start + by if lose else max(0, place.start - by)
    answer.replace_rows(await place.fetch(start, place.size))
    return True


async def _place(request: Request, own: list[Any]) -> _Place | None:
    query, document = request.query, request.document
    dsl = document.get("dsl") if isinstance(document, dict) else None
    if isinstance(dsl, dict):
        size = int(dsl.get("size") or DEFAULTS["from"])

        async def searched(start: int, most: int) -> list[Any]:
            return await request.asking({}, {"from": start, "size": most, "search_after": None})

        behind, start = dsl.get("search_after"), int(dsl.get("from") or 0)
        return _Place(await _found(searched, own) if behind else start, size, searched)
    if "page" in query:
        size = int(query.get("size") or DEFAULTS["page"])

        async def numbered(start: int, most: int) -> list[Any]:
            first = start // most
            pages = [await request.asking({"page": number + 1}, {}) for number in (first, first + 1)]
            return [row for page in pages for row in page][start - first * most :][:most]

        return _Place((int(query["page"]) - 1) * size, size, numbered)
    name = next((one for one in ("skip", "offset") if one in query), "skip")
    if name not in query and "id__gt" not in query:
        return None
    size = int(query.get("limit") or DEFAULTS[name])

    async def skipped(start: int, most: int) -> list[Any]:
        return await request.asking({name: start, "limit": most, "id__gt": None}, {})

    behind_id = "id__gt" in query
    return _Place(await _found(skipped, own) if behind_id else int(query[name]), size, skipped)


async def _found(fetch: Fetch, own: list[Any]) -> int:
    """Where in its list a page begins; 0 where it is not found, or is empty."""
    start, rows = 0, own
    while own and rows:
        rows = await fetch(start, STEP)
        if own[0] in rows:
            return start + rows.index(own[0])
        start += len(rows)
    return 0


def _rows(answer: Answer) -> list[Any]:
    try:
        return rows_of(json.loads(answer.body))
    except ValueError:
        return []
