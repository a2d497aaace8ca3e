"""Throttling, off by default (alation-api.md §1.5, §6 row 52)."""

from __future__ import annotations

import math

from starlette.requests import Request

from qsync_pipeline.sandbox.alation.errors import ApiError
from qsync_pipeline.sandbox.alation.switches import AlationSwitches
from qsync_pipeline.sandbox.kernel import VirtualClock

_RELATIONAL = tuple(f"/integration/v2/{kind}/" for kind in ("schema", "table", "column"))


class Throttle:
    """Counts reads and writes of the throttled APIs in whole seconds of the virtual clock."""

    def __init__(self, clock: VirtualClock, switches: AlationSwitches) -> None:
        self._clock = clock
        self._switches = switches
        self._second = 0
        self._taken: dict[tuple[str, bool], int] = {}

    def take(self, request: Request) -> None:
        """Count a request; 429 with Retry-After for one too many in this second."""
        mode = self._switches.throttling
        if mode == "off":
            return
        path = request.url.path
        relational = path.startswith(_RELATIONAL)
        if mode == "documented" and not relational:
            return
        now = self._clock.now()
        if int(now) != self._second:
            self._second = int(now)
            self._taken.clear()
        bucket = ("relational" if relational else "other", request.method == "GET")
        self._taken[bucket] = self._taken.get(bucket, 0) + 1
        if self._taken[bucket] > self._switches.throttle_per_second:
            wait = max(1, math.ceil(self._second + 1 - now))
            unit = "second" if wait == 1 else "seconds"
            detail = f"Request was throttled. Expected available in {wait} {unit}."
            raise ApiError(429, {"detail": detail}, {"Retry-After": str(wait)})
