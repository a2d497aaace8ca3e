"""What every endpoint shares: JSON in and out, parameters, paging, errors (alation-api.md §1)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from qsync_pipeline.sandbox.alation.errors import ApiError, refused
from qsync_pipeline.sandbox.alation.switches import AlationSwitches
from qsync_pipeline.sandbox.alation.users import User

PAGING = frozenset({"limit", "skip"})
_DEFAULT_LIMIT = 100


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer with a status or headers of its own; a plain value is 200."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Call:
    """One authenticated request; ``user`` owns its token."""

    request: Request
    switches: AlationSwitches
    user: User
    body: Any

    @property
    def path(self) -> Mapping[str, Any]:
        return self.request.path_params

    def one(self, name: str) -> str | None:
        return self.request.query_params.get(name)

    def many(self, name: str) -> list[str]:
        """A repeatable parameter."""
        return self.request.query_params.getlist(name)

    def numbers(self, name: str) -> list[int]:
        try:
            return [int(value) for value in self.many(name)]
        except ValueError:
            raise refused(400, f"Invalid value for query parameter: {name}", 6) from None

    def flag(self, name: str) -> bool | None:
        """A boolean in the spelling of JSON or of Python, which requests sends."""
        value = self.one(name)
        return None if value is None else value.lower() in ("true", "1")

    def number(self, name: str) -> int | None:
        """A number in the path; null where it is none."""
        value = str(self.path[name])
        return int(value) if value.isdecimal() else None

    def object(self) -> dict[str, Any]:
        if not isinstance(self.body, dict):
            raise refused(400, "Expected a JSON object.")
        return self.body

    def known(self, *names: str) -> None:
        """Refuse parameters that a v2 list does not have (§1.4, row 6)."""
        if self.switches.unknown_parameters == "ignore":
            return
        extra = sorted({*self.request.query_params} - {*names} - PAGING)
        if extra:
            raise refused(400, f"Invalid query parameters: [{', '.join(extra)}]", 6)

    # Paging.

    def window(self) -> tuple[int, int]:
        """``limit`` and ``skip``: 100 by default, capped in silence (§1.6, row 7)."""
        limit, skip = self.whole("limit", _DEFAULT_LIMIT, least=1), self.whole("skip", 0, least=0)
        return min(limit, self.switches.page_cap), skip

    def whole(self, name: str, default: int, *, least: int) -> int:
        """A parameter that is a whole number; 400 for less than ``least``."""
        text = self.one(name)
        if text is None:
            return default
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if number < least:
            raise refused(400, f"Invalid value for query parameter: {name}", 6)
        return number

    def page(self, rows: Sequence[Any], make: Callable[[Any], Any] | None = None) -> Reply:
        """One page of rows, each made by ``make``, with the way to the next one (row 8)."""
        limit, skip = self.window()
        part = rows[skip : skip + limit]
        headers: dict[str, str] = {}
        if skip + limit < len(rows):
            headers["X-Next-Page"] = self._next_page(limit, skip + limit)
        if self.switches.total_count:
            headers["X-Total-Count"] = str(len(rows))
        return Reply(200, [make(row) for row in part] if make is not None else list(part), headers)

    def _next_page(self, limit: int, skip: int) -> str:
        kept = [(key, value) for key, value in self.request.query_params.multi_items() if key not in PAGING]
        path = (self.request.scope.get("raw_path") or b"").decode("latin-1").partition("?")[0]
        query = urlencode([*kept, ("limit", limit), ("skip", skip)])
        whole = f"{path or self.request.url.path}?{query}"
        if self.switches.absolute_next_page:
            return str(self.request.base_url).rstrip("/") + whole
        return whole


Handler = Callable[[Call], Any]
"""Answers a JSON-able value, null for 204, or a :class:`Reply`."""
Routes = list[tuple[str, str, Handler]]
"""Method, path, handler."""
Gate = Callable[[Request], User]
"""Checks credentials and throttling, and lets jobs that are due end first."""


def endpoint(
    handler: Handler, gate: Gate, switches: AlationSwitches
) -> Callable[[Request], Awaitable[Response]]:
    """Wrap a handler into a Starlette endpoint."""

    async def serve(request: Request) -> Response:
        raw = await request.body()
        # A turn for requests that came in meanwhile, so that the request log sees who calls in parallel.
        await asyncio.sleep(0)
        try:
            user = gate(request)
            return _respond(handler(Call(request, switches, user, decoded(request, raw))))
        except ApiError as error:
            return json_response(error.body, error.status, error.headers)

    return serve


def _respond(answer: Any) -> Response:
    if isinstance(answer, Reply):
        return json_response(answer.body, answer.status, answer.headers)
    return json_response(answer, 204 if answer is None else 200)


def json_response(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer; 204 has no body."""
    if status == 204:
        return Response(status_code=204, headers=headers)
    return Response(msgspec.json.encode(body), status, headers, media_type="application/json")


def decoded(request: Request, raw: bytes) -> Any:
    """The body: JSON, or a form, which the token endpoints take too (§1.1)."""
    if not raw.strip():
        return None
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return dict(parse_qsl(raw.decode("utf-8", "replace")))
    try:
        return msgspec.json.decode(raw)
    except msgspec.DecodeError as error:
        raise refused(400, f"JSON parse error - {error}") from None
