"""The ASGI layers around each system's app: request log, added latency, faults.

Outermost first. The log sees what the client saw, faults included; status 0 stands for no answer at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence

from starlette.routing import BaseRoute, Match, Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qsync_pipeline.sandbox.faults import FaultBook, FaultRule
from qsync_pipeline.sandbox.kernel import RequestLog
from qsync_pipeline.sandbox.shifting import Request, ahead, shift
from qsync_pipeline.sandbox.withheld import DROPS, Answer, asked, gossip

UNKNOWN_ROUTE = "(unknown)"
HTML_PAGE = "<!DOCTYPE html><html><head><title>Sign in</title></head><body><h1>Sign in</h1></body></html>"

Drop = Callable[[Scope, bool], None]
"""Ends the connection of a request: reset at once, or (true) closed after what was written has gone out."""


class RouteTemplates:
    """Which template (``/api/containers/{id}``) a request belongs to, mounts included."""

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        self._routes = routes
        self._by_id = {id(route): template for route, template in _walk(routes, "")}

    def of(self, scope: Scope, path: str) -> str:
        """The template after the app has run: the router leaves its route in the scope.

        What was answered before routing (a 401 by a middleware) is matched by ``path``, the request's own;
        the scope's may have been changed by a mount.
        """
        found = self._by_id.get(id(scope.get("route")))
        return found or self.resolve(scope["method"], path)

    def resolve(self, method: str, path: str) -> str:
        scope: Scope = {"type": "http", "method": method, "path": path, "root_path": "", "headers": []}
        return _resolve(self._routes, scope, "")[1] or UNKNOWN_ROUTE


def _walk(routes: Iterable[BaseRoute], prefix: str) -> Iterator[tuple[Route, str]]:
    for route in routes:
        if isinstance(route, Mount):
            yield from _walk(route.routes, prefix + route.path)
        elif isinstance(route, Route):
            yield route, prefix + route.path_format


def _resolve(routes: Iterable[BaseRoute], scope: Scope, prefix: str) -> tuple[Match, str]:
    """As a router would: the first full match, else the first that fits but for the method."""
    best = (Match.NONE, "")
    for route in routes:
        match, child = route.matches(scope)
        if match is Match.NONE:
            continue
        if isinstance(route, Mount):
            return _resolve(route.routes, {**scope, **child}, prefix + route.path)
        if isinstance(route, Route):
            if match is Match.FULL:
                return match, prefix + route.path_format
            if best[0] is Match.NONE:
                best = (match, prefix + route.path_format)
    return best


class LogLayer:
    """Counts each request when its answer is complete, just before the last bytes leave.

    So whoever has read an answer finds its request counted.
    """

    def __init__(
        self, app: ASGIApp, system: str, log: RequestLog, templates: RouteTemplates, *, latency_ms: float = 0
    ) -> None:
        self._app = app
        self._system = system
        self._log = log
        self._templates = templates
        self._latency = latency_ms / 1000

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path, status, open_ = scope["path"], 0, True

        def finish() -> None:
            nonlocal open_
            if open_:
                open_ = False
                route = self._templates.of(scope, path)
                self._log.finish(self._system, scope["method"], route, status)

        async def counted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            elif not message.get("more_body"):
                finish()
            await send(message)

        self._log.start(self._system)
        try:
            if self._latency:
                await asyncio.sleep(self._latency)
            await self._app(scope, receive, counted)
        except Exception:
            # The server turns a crash into this, unless an answer was on its way.
            status = status or 500
            raise
        finally:
            finish()


class FaultLayer:
    """Makes requests fail as the rules in the book say. ``closing`` cuts every wait short."""

    def __init__(
        self,
        app: ASGIApp,
        system: str,
        book: FaultBook,
        templates: RouteTemplates,
        *,
        drop: Drop,
        closing: asyncio.Event,
    ) -> None:
        self._app = app
        self._system = system
        self._book = book
        self._templates = templates
        self._drop = drop
        self._closing = closing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        rule = None
        if scope["type"] == "http" and not self._book.idle():
            template = self._templates.resolve(scope["method"], scope["path"])
            body = b""
            if self._book.looks_inside():
                body, receive = await ahead(receive)
            rule = self._book.pick(self._system, scope["method"], template, scope["path"], body)
        if rule is None:
            await self._app(scope, receive, send)
        elif rule.kind in ("lose_page", "repeat_page"):
            request = await Request.of(self._app, scope, receive)
            answer = await request.sent()
            if not await shift(request, answer, lose=rule.kind == "lose_page", rows=rule.rows):
                self._book.spare(rule)
            await answer.give(send)
        elif rule.phase == "before" and rule.kind == "delay":
            await self._wait(rule.seconds)
            await self._app(scope, receive, send)
        else:
            answer = Answer()
            if rule.phase == "after":
                await self._app(scope, receive, answer.take)
            await self._inflict(rule, answer, scope, receive, send)

    async def _inflict(
        self, rule: FaultRule, answer: Answer, scope: Scope, receive: Receive, send: Send
    ) -> None:
        if rule.kind == "status":
            body = {"message": "injected fault"} if rule.body is None else rule.body
            if rule.echo:
                said = gossip(scope)
                body = {"message": said, "code": said, "request": {"headers": asked(scope)}}
            await Answer.of(rule, body, "application/json", scope).give(send)
        elif rule.kind == "html":
            page = HTML_PAGE if rule.body is None else rule.body
            page = f"{page}<p>{gossip(scope)}</p>" if rule.echo else page
            await Answer.of(rule, page, "text/html", scope).give(send)
        elif rule.kind == "delay":
            await self._wait(rule.seconds)
            await answer.give(send)
        elif rule.kind == "drop_key":
            answer.drop_key(rule.key, each=rule.each)
            await answer.give(send)
        elif rule.kind in ("lose", "repeat"):
            answer.shift(lose=rule.kind == "lose")
            await answer.give(send)
        elif rule.kind == "trickle":
            await answer.start(send)
            for place in range(DROPS):
                await self._wait(rule.seconds / DROPS)
                await answer.drop(send, place)
        elif rule.kind == "truncate":
            kept = answer.body[: int(len(answer.body) * rule.keep)]
            if rule.close:
                await answer.give(send, part=kept)
                await self._hang_up(scope, receive, flush=True)
            else:
                answer.body = kept
                await answer.give(send)
        else:
            if rule.kind == "timeout":
                await self._wait(rule.seconds)
            await self._hang_up(scope, receive, flush=False)

    async def _wait(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._closing.wait(), seconds)
        except TimeoutError:
            return

    async def _hang_up(self, scope: Scope, receive: Receive, *, flush: bool) -> None:
        self._drop(scope, flush)
        # Until the server has noticed, returning without an answer would make it write a 500.
        while (await receive())["type"] != "http.disconnect":
            continue
