"""How much a sender may send: bytes in a body, messages in a minute."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from starlette.requests import Request

BODY_PATIENCE = 15.0
"""Seconds that a body may take to arrive; a sender that trickles would hold its place for ever."""


class BodyTooLarge(Exception):
    """More bytes than are taken."""


class Bucket:
    """A token bucket: ``per_minute`` at a steady rate, and that many at once after a quiet minute.

    One number and one time; the libraries for this (limits, slowapi) bring storages and a key per client,
    and behind a proxy all clients have one address. A flow that fires for a thousand anomalies is not to be
    told off for it, hence the whole minute at once.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = float(per_minute)
        self._rate = per_minute / 60.0
        self._clock = clock
        self._left = self._most
        self._at = clock()

    def take(self) -> float:
        """Take one; 0, or the seconds after which to try again."""
        now = self._clock()
        self._left = min(self._most, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left >= 1.0:
            self._left -= 1.0
            return 0.0
        return (1.0 - self._left) / self._rate


async def read_body(request: Request, most: int, patience: float = BODY_PATIENCE) -> bytes:
    """The body, never more than ``most`` bytes of it in memory.

    Raises :class:`BodyTooLarge`, and ``TimeoutError`` for one that does not arrive.
    """
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > most:
        raise BodyTooLarge
    parts: list[bytes] = []
    size = 0
    async with asyncio.timeout(patience):
        async for part in request.stream():
            size += len(part)
            if size > most:
                raise BodyTooLarge
            parts.append(part)
    return b"".join(parts)
