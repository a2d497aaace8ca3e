"""Serving the receiver in a thread of its own, on one port."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading
from types import TracebackType
from typing import Self

import uvicorn

from qsync_pipeline.automation.webhooks.app import Receiver
from qsync_pipeline.transport.errors import ConfigError, SyncError

_AT_ONCE = 256
"""Requests in flight; more get uvicorn's 503, before anything of them is read."""
_GRACE = 10
"""Seconds that requests in flight have to end when it is stopped."""


class Server:
    """Serves a receiver; a context manager. Raises ``ConfigError`` for an address that cannot be opened.

    ``port`` 0 takes a free one; :attr:`url` says which.
    """

    def __init__(self, receiver: Receiver, host: str, port: int) -> None:
        if receiver.is_open and not is_loopback(host):
            raise ConfigError(
                f"--host {host}: beyond this machine every sender has to show a secret, and there is none. "
                "Set webhooks: {secret: {env: QSYNC_WEBHOOK_SECRET}} in the config, or serve 127.0.0.1"
            )
        self._receiver = receiver
        self._socket = _listen(host, port)
        name = f"[{host}]" if ":" in host else host
        self.url = f"http://{name}:{self._socket.getsockname()[1]}"
        self._server = uvicorn.Server(
            uvicorn.Config(
                receiver.app,
                log_config=None,
                log_level="error",
                access_log=False,
                lifespan="off",
                ws="none",
                proxy_headers=False,
                server_header=False,
                limit_concurrency=_AT_ONCE,
                timeout_keep_alive=30,
                timeout_graceful_shutdown=_GRACE,
            )
        )
        self._thread = threading.Thread(target=self._run, name="qsync-webhooks", daemon=True)
        self._ended = threading.Event()
        self._crash: BaseException | None = None

    def __enter__(self) -> Self:
        self._receiver.inbox.start()
        self._thread.start()
        while not self._server.started and not self._ended.wait(0.005):
            pass
        if self._ended.is_set():
            self.close()
        self.check()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let requests in flight end, write what they told, and close the port."""
        self._server.should_exit = True
        self._thread.join()
        self._receiver.inbox.close()
        self._socket.close()

    def check(self) -> None:
        """Raise ``SyncError`` if it does not serve any more, though nobody stopped it."""
        if self._ended.is_set():
            raise SyncError(f"the receiver ended by itself: {self._crash}") from self._crash

    def _run(self) -> None:
        try:
            # Not the main thread: uvicorn then leaves signals alone, which are the command line's business.
            asyncio.run(self._server.serve(sockets=[self._socket]))
        except BaseException as problem:  # told to the thread that waits in check()
            self._crash = problem
        finally:
            self._ended.set()


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach that address; a name other than localhost counts as no."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError) as problem:
        raise ConfigError(f"--host {host}: no address of this machine ({problem})") from None
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(1024)
    except OSError as problem:
        listener.close()
        raise ConfigError(
            f"port {port} on {host} cannot be opened ({problem}); stop what uses it, or choose another with "
            "--port or webhooks.port"
        ) from None
    return listener
