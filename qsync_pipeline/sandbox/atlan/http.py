"""What every endpoint shares: credentials, rate budget, JSON in and out, errors (atlan-api.md §1)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from qsync_pipeline.sandbox.atlan.access import Token
from qsync_pipeline.sandbox.atlan.errors import AtlasError, GatewayError, bad_request, respond

_ECHOED = "x-atlan-request-id"


@dataclass(frozen=True, slots=True)
class Call:
    """One authenticated request."""

    request: Request
    token: Token
    body: Any

    @property
    def path(self) -> Mapping[str, str]:
        return self.request.path_params

    @property
    def query(self) -> Mapping[str, str]:
        return self.request.query_params

    def json(self) -> dict[str, Any]:
        """The body as an object."""
        if not isinstance(self.body, dict):
            raise bad_request("a JSON object is expected")
        return self.body

    def items(self) -> list[Any]:
        """The body as a list."""
        if not isinstance(self.body, list):
            raise bad_request("a JSON list is expected")
        return self.body

    def flag(self, name: str) -> bool:
        return self.query.get(name, "").lower() == "true"

    @property
    def headers(self) -> dict[str, str]:
        """The x-atlan headers, which land in audit records (§1.2)."""
        found = self.request.headers.items()
        return {key: value for key, value in found if key.startswith("x-atlan-") and key != _ECHOED}


Handler = Callable[[Call], Any]
"""Answers a JSON-able object, null for 204, or a whole response."""
Gate = Callable[[Request], Token]
"""Checks credentials and budget, and lets due background work happen first."""


def endpoint(handler: Handler, gate: Gate) -> Callable[[Request], Awaitable[Response]]:
    """Wrap a handler into a Starlette endpoint."""

    async def serve(request: Request) -> Response:
        raw = await request.body()
        try:
            token = gate(request)
            answer = handler(Call(request, token, _decoded(raw)))
            response = answer if isinstance(answer, Response) else json_response(answer)
        except (AtlasError, GatewayError) as error:
            response = respond(error)
        response.headers["X-Atlan-Request-Id"] = request.headers.get(_ECHOED, "")
        return response

    return serve


def json_response(answer: Any) -> Response:
    if answer is None:
        return Response(status_code=204)
    return Response(msgspec.json.encode(answer), media_type="application/json")


def _decoded(raw: bytes) -> Any:
    if not raw:
        return None
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise bad_request(f"malformed JSON: {error}") from error


class AnySlash:
    """Lets every path end with a slash or not (row 23).

    It changes the scope itself, so that outer layers see the route.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and len(scope["path"]) > 1 and scope["path"].endswith("/"):
            scope["path"] = scope["path"].rstrip("/")
        await self._app(scope, receive, send)
