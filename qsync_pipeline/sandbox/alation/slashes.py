"""Serving paths without their final slash, for those who switch that on (alation-api.md §6 row 5)."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

_UNSLASHED = ("/oauth/v2/token", "/full_version", "/api/v1/license")


class AnySlash:
    """Adds the slash that is missing; in the scope itself, so that outer layers see the route."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and not scope["path"].endswith(("/", *_UNSLASHED)):
            scope["path"] += "/"
        await self._app(scope, receive, send)
