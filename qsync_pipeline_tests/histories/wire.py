"""The real clients on the sandbox's apps, without a socket: requests go from one into the other by a call.

Everything happens on the caller's thread and in one order, so that a history that failed fails again. A run
can be killed at any write: from then on it neither sends nor keeps anything, as after SIGKILL.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest import mock
from urllib.parse import unquote, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from starlette.types import ASGIApp, Message, Scope

from qsync_pipeline.catalogs.atlan import lanes
from qsync_pipeline.sandbox.faults import FaultBook
from qsync_pipeline.sandbox.kernel import RequestLog, System
from qsync_pipeline.sandbox.layers import FaultLayer, LogLayer, RouteTemplates
from qsync_pipeline.transport import paging
from qsync_pipeline_tests.e2e.synced import READING_POSTS
from qsync_pipeline_tests.histories.clock import Clock

ANSWER_SECONDS = 0.01
"""How long every answer takes."""


class Killed(BaseException):
    """The process of the run is gone."""


class _Inline:
    """In the place of a thread pool: work is done when it is handed in."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        pass

    def __enter__(self) -> _Inline:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def submit(self, work: Callable[..., Any], *args: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(work(*args))
        except Exception as error:
            future.set_exception(error)
        return future

    def shutdown(self, **options: bool) -> None:
        pass


class _Faults(FaultLayer):
    """Waits that faults impose take no real time."""

    clock: Clock

    async def _wait(self, seconds: float) -> None:
        self.clock.sleep(seconds)


class Wire:
    """Systems by their address. ``kill_at`` ends the run at its n-th write (from 1), before it or after."""

    def __init__(self, clock: Clock, faults: FaultBook, log: RequestLog) -> None:
        self.clock = clock
        self.faults = faults
        self.log = log
        self.kill_at: int | None = None
        self.kill_after = False
        self.kill_on: tuple[str, ...] = ("",)
        """How the paths of writes begin that count for that."""
        self.dead = False
        self.on_write: Callable[[str], None] | None = None
        """Called with its path after every write that was carried out, before its answer is read."""
        self._apps: dict[str, ASGIApp] = {}
        self._hung_up: list[Scope] = []

    def connect(self, url: str, system: System) -> None:
        """Let requests to this address reach this system, through the sandbox's own layers."""
        templates = RouteTemplates(system.app.routes)
        faulty = _Faults(
            system.app, system.name, self.faults, templates, drop=self._drop, closing=asyncio.Event()
        )
        faulty.clock = self.clock
        self._apps[urlsplit(url).netloc] = LogLayer(faulty, system.name, self.log, templates)

    def _drop(self, scope: Scope, flush: bool) -> None:
        self._hung_up.append(scope)

    def send(self, request: requests.PreparedRequest) -> requests.Response:
        """What requests' own adapter does, over the network."""
        if self.dead:
            raise Killed
        url = urlsplit(request.url or "")
        writes = request.method != "GET" and not any(word in url.path for word in READING_POSTS)
        killed = False
        if writes and self.kill_at is not None and url.path.startswith(self.kill_on):
            self.kill_at -= 1
            killed = self.kill_at <= 0
        if killed and not self.kill_after:
            self._die()
        try:
            response = self._exchange(request, url.netloc, url.path, url.query)
            if writes and self.on_write is not None:
                self.on_write(url.path)
        finally:
            self.clock.sleep(ANSWER_SECONDS)
            if killed:
                self._die()
        return response

    def _die(self) -> None:
        self.dead = True
        self.kill_at = None
        raise Killed

    def _exchange(
        self, request: requests.PreparedRequest, host: str, path: str, query: str
    ) -> requests.Response:
        body = request.body or b""
        incoming: list[Message] = [
            {"type": "http.request", "body": body.encode() if isinstance(body, str) else body}
        ]
        status, headers, content = 0, [], b""
        scope: MutableMapping[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": request.method,
            "scheme": "http",
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "root_path": "",
            "headers": [(k.lower().encode(), _bytes(v)) for k, v in request.headers.items()],
            "client": ("127.0.0.1", 1),
            "server": (host, 80),
        }

        async def receive() -> Message:
            return incoming.pop() if incoming else {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            nonlocal status, headers, content
            if message["type"] == "http.response.start":
                status, headers = message["status"], list(message.get("headers", []))
            else:
                content += message.get("body", b"")

        _run(self._apps[host](scope, receive, send))
        if self._hung_up:
            self._hung_up.clear()
            lost = urllib3.exceptions.ProtocolError("Connection aborted.", ConnectionResetError(104, "reset"))
            raise requests.ConnectionError(lost, request=request)
        response = requests.Response()
        response.status_code = status
        for name, value in headers:
            response.headers[name.decode("latin-1")] = value.decode("latin-1")
        response.raw = urllib3.HTTPResponse(io.BytesIO(content), status=status, preload_content=False)
        response.request = request
        response.url = request.url or ""
        return response


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("latin-1")


def _run(work: Awaitable[None]) -> None:
    """A coroutine that waits for nobody needs no event loop, only somebody who lets it go on."""
    steps = work.__await__()
    try:
        while True:
            next(steps)
    except StopIteration:
        return


@contextmanager
def wired(current: Callable[[], Wire]) -> Iterator[None]:
    """Send all requests of this process through the wire that ``current`` answers."""

    def send(self: HTTPAdapter, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        return current().send(request)

    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(HTTPAdapter, "send", send))
        for module in (paging, lanes):
            stack.enter_context(mock.patch.object(module, "ThreadPoolExecutor", _Inline))
        yield
