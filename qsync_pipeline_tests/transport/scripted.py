"""A loopback server that answers by script, and a clock that only sleep moves."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass
class Request:
    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: bytes


@dataclass
class Reply:
    """``body``: bytes as they are, else JSON. ``hang_up``: close without an answer."""

    status: int = 200
    body: Any = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    hang_up: bool = False
    cut: int = 0
    """Bytes of the body that are promised and never sent."""


Script = Callable[[Request], Reply]


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self, start: float = 1_800_000_000.0) -> None:
        self.now = start
        self.slept: list[float] = []
        self._lock = threading.Lock()

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        with self._lock:
            self.slept.append(seconds)
            self.now += seconds


class Server:
    def __init__(self, script: Script | list[Reply]) -> None:
        self.requests: list[Request] = []
        self._replies = iter(script) if isinstance(script, list) else None
        self._script = script if not isinstance(script, list) else None
        self.url = ""

    def answer(self, request: Request) -> Reply:
        self.requests.append(request)
        if self._script is not None:
            return self._script(request)
        assert self._replies is not None
        return next(self._replies)


@contextmanager
def serving(script: Script | list[Reply]) -> Iterator[Server]:
    """Serve ``script`` (a function, or replies in order) on an ephemeral port."""
    server = Server(script)

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _do(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            parts = urlsplit(self.path)
            query = parse_qsl(parts.query, keep_blank_values=True)
            request = Request(self.command, parts.path, query, dict(self.headers), self.rfile.read(length))
            reply = server.answer(request)
            if reply.hang_up:
                self.close_connection = True
                return
            body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            if reply.status != 204:
                self.send_header("Content-Length", str(len(body) + reply.cut))
            self.end_headers()
            if reply.status != 204:
                self.wfile.write(body)
            if reply.cut:
                self.close_connection = True

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _do  # noqa: N815 - http.server's names

        def log_message(self, format: str, *args: Any) -> None:
            pass

    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.url = f"http://127.0.0.1:{httpd.server_port}"
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        httpd.shutdown()
        httpd.server_close()
