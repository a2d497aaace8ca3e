"""How many requests went out, by system and kind. Every attempt that was sent counts, retries too."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Literal

Kind = Literal["read", "write"]


class RequestCounter:
    """Thread-safe counts; one may be shared by several sessions."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, Kind, str]] = Counter()

    def add(self, system: str, kind: Kind, route: str = "") -> None:
        """Count one sent request; ``route`` is ``METHOD /path/{template}``."""
        with self._lock:
            self._counts[(system, kind, route)] += 1

    def snapshot(self, system: str | None = None) -> dict[str, int]:
        """``{"read": n, "write": n}`` of one system, or of all."""
        with self._lock:
            total = {"read": 0, "write": 0}
            for (name, kind, _), count in self._counts.items():
                if system in (None, name):
                    total[kind] += count
            return total

    def routes(self, system: str | None = None) -> dict[str, int]:
        """Counts by route."""
        with self._lock:
            total: Counter[str] = Counter()
            for (name, _, route), count in self._counts.items():
                if system in (None, name):
                    total[route] += count
            return dict(total)
