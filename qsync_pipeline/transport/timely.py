"""An answer has to come in time as a whole, its head included.

A read time-out holds for each packet, and ``http.client`` reads the head of an answer to its end: a server
that sends a byte of a header now and then would keep it for days. So the stream that it reads from looks at
the clock whenever it asks the socket for more.
"""

from __future__ import annotations

import http.client
import io
import time
from functools import partial
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager, ProxyManager
from urllib3.connection import HTTPConnection, HTTPSConnection


class TimelyAdapter(HTTPAdapter):
    """The adapter of a session that keeps one connection and repeats nothing. An answer that is not there
    ``seconds`` after its first byte was waited for ends like one of which a packet did not come."""

    def __init__(self, seconds: float) -> None:
        answers = {"response_class": partial(_Answer, seconds=seconds)}
        plain = type("_Connection", (HTTPConnection,), answers)
        secure = type("_SecureConnection", (HTTPSConnection,), answers)
        self._pools = {
            "http": type("_Pool", (HTTPConnectionPool,), {"ConnectionCls": plain}),
            "https": type("_SecurePool", (HTTPSConnectionPool,), {"ConnectionCls": secure}),
        }
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """With connections of ours."""
        super().init_poolmanager(*args, **kwargs)
        self._watch(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> ProxyManager:
        """With connections of ours."""
        manager: ProxyManager = super().proxy_manager_for(proxy, **kwargs)
        self._watch(manager)
        return manager

    def _watch(self, manager: PoolManager) -> None:
        manager.pool_classes_by_scheme = self._pools


class _Answer(http.client.HTTPResponse):
    def __init__(self, sock: Any, *args: Any, seconds: float, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_Watched(self.fp.detach(), seconds))


class _Watched(io.RawIOBase):
    """A socket's stream that ends after so many seconds."""

    def __init__(self, stream: Any, seconds: float) -> None:
        super().__init__()
        self._stream = stream
        self._seconds = seconds
        self._deadline = time.monotonic() + seconds

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if time.monotonic() > self._deadline:
            raise TimeoutError(f"the answer was not complete after {self._seconds:.0f} s")
        count: int | None = self._stream.readinto(buffer)
        return count

    def close(self) -> None:
        self._stream.close()
        super().close()
