"""The request budget of a host, shared by everybody who calls it (DESIGN.md §5.6).

Atlan allows 400 programmatic requests a minute for the whole tenant; one too many blocks every programmatic
caller for a minute (atlan-api.md §1.7). So nobody sends without a grant, and a 429 locks all of us out.
The ledger holds the budget that processes share; :class:`LocalBudget` is the one for a single process.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import Protocol

WINDOW = 60.0
"""Seconds of the sliding window that ``limit`` applies to."""


class Budget(Protocol):
    """Grants requests. All times are seconds since the epoch, so that processes can share them."""

    def reserve(self, host: str, limit: int, now: float) -> float:
        """Ask for one request: 0 is a grant, else the seconds to wait before asking again.

        Never more than ``limit`` grants in any 60 seconds, and none while the host is locked out.
        """

    def lock_out(self, host: str, until: float) -> None:
        """No grants before ``until``, for anybody; an earlier time never shortens a lock-out."""


class LocalBudget:
    """The budget within one process: an exact sliding window, thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._grants: dict[str, deque[float]] = {}
        self._locked_until: dict[str, float] = {}

    def reserve(self, host: str, limit: int, now: float) -> float:
        """See :meth:`Budget.reserve`."""
        if limit < 1:
            raise ValueError(f"limit must be at least 1, not {limit}")
        with self._lock:
            until = self._locked_until.get(host, 0.0)
            if now < until:
                return until - now
            grants = self._grants.setdefault(host, deque())
            if grants and now < grants[-1] - WINDOW:
                grants.clear()  # the clock was set back: what lies that far ahead would block for as long
            # Threads may come with clocks read in another order; the window must not move backwards.
            now = max(now, grants[-1]) if grants else now
            while grants and grants[0] <= now - WINDOW:
                grants.popleft()
            if len(grants) < limit:
                grants.append(now)
                return 0.0
            # The grant that has to leave the window first; with a lowered limit that is not the oldest.
            return max(grants[len(grants) - limit] + WINDOW - now, 0.001)

    def lock_out(self, host: str, until: float) -> None:
        """See :meth:`Budget.lock_out`."""
        with self._lock:
            self._locked_until[host] = max(until, self._locked_until.get(host, 0.0))
