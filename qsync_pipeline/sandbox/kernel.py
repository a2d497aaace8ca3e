"""What all sandbox systems share: a virtual clock, a request log, faults, a rate budget, and their seam.

A *system* (Qualytics, Atlan, Alation) is a state and a Starlette app over it. The control plane talks to the
state only through :class:`System`; the vendors' clients only through the app.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from starlette.applications import Starlette


class VirtualClock:
    """Real time plus what the control plane has advanced. All sandbox systems of a server share one."""

    def __init__(self) -> None:
        self._offset = 0.0

    def now(self) -> float:
        """Seconds since the epoch, in sandbox time."""
        return time.time() + self._offset

    def now_ms(self) -> int:
        return int(self.now() * 1000)

    def advance(self, seconds: float) -> None:
        """Move time forward; it never goes back."""
        if seconds < 0:
            raise ControlError("seconds: must not be negative")
        self._offset += seconds


class ControlError(Exception):
    """A control-plane request that cannot be carried out; nothing was changed. Answered with 400."""


class RequestLog:
    """Counts finished requests by (system, method, route, status) and the peak of concurrent ones.

    ``route`` is the route's template (``/api/containers/{id}``), so that counts add up.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, str, str, int]] = Counter()
        self._in_flight: Counter[str] = Counter()
        self._peak: dict[str, int] = {}

    def start(self, system: str) -> None:
        with self._lock:
            self._in_flight[system] += 1
            self._peak[system] = max(self._peak.get(system, 0), self._in_flight[system])

    def finish(self, system: str, method: str, route: str, status: int) -> None:
        with self._lock:
            self._in_flight[system] -= 1
            self._counts[(system, method, route, status)] += 1

    def as_dict(self) -> dict[str, Any]:
        """The body of ``GET /requests`` (DESIGN.md §6)."""
        with self._lock:
            rows = [
                {"system": system, "method": method, "route": route, "status": status, "count": count}
                for (system, method, route, status), count in sorted(self._counts.items())
            ]
            return {"requests": rows, "peak_in_flight": dict(self._peak)}

    def reset(self) -> None:
        with self._lock:
            self._counts.clear()
            self._peak.clear()


class System(Protocol):
    """One sandbox system. Methods are called from the control plane, on the server's event loop."""

    name: str
    """qualytics, atlan or alation."""

    app: Starlette
    """The vendor's path space, whole: what a client given this system's URL sees."""

    def credentials(self) -> Mapping[str, str]:
        """What a user would type into the config besides the URL (``{"token": ...}``)."""

    def state(self, *, name: str | None = None, like: str | None = None) -> list[dict[str, Any]]:
        """Entries of ``GET /state/{system}/assets`` (DESIGN.md §6), matched by exact name or SQL LIKE."""

    def check(self, change: Mapping[str, Any]) -> None:
        """Raise :class:`ControlError` if :meth:`mutate` could not carry this change out."""

    def mutate(self, change: Mapping[str, Any]) -> Sequence[str]:
        """Carry out one change as a person or the system itself would; returns the ids touched."""


@runtime_checkable
class KnowsItsUrl(Protocol):
    """A system whose answers hold links to itself."""

    def set_base_url(self, url: str) -> None:
        """Told once, before the first request."""
