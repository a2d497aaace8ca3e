"""The request budget of a host, shared by everybody who calls it (DESIGN.md §5.6).

Atlan allows 400 programmatic requests a minute for the whole tenant; one too many blocks every programmatic
caller for a minute (atlan-api.md §1.7). So nobody sends without a grant, and a 429 locks all of us out.
The ledger holds the budget that processes share; :class:`LocalBudget` is the one for a single process.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

WINDOW = 60.0
"""Seconds of the sliding window that ``limit`` applies to."""
TURN_POLL = 0.02
"""Seconds after which to ask again for a turn: a call takes about as long as this, or longer."""


class Budget(Protocol):
    """Grants requests. All times are seconds since the epoch, so that processes can share them."""

    def reserve(self, host: str, limit: int, now: float) -> float:
        """Ask for one request: 0 is a grant, else the seconds to wait before asking again.

        Never more than ``limit`` grants in any 60 seconds, and none while the host is locked out.
        """

    def lock_out(self, host: str, until: float) -> None:
        """No grants before ``until``, for anybody; an earlier time never shortens a lock-out."""

    def take_turn(self, host: str, owner: str, seconds: float) -> float:
        """Ask to be the only one with a call to this host in flight: 0 is a turn, else the seconds to wait.

        Whoever has asked before goes first. A turn lapses after ``seconds``, and at once when the process is
        dead that ``owner`` names (``<host>:<pid>:<anything>``, where that is this host).
        """

    def end_turn(self, host: str, owner: str) -> None:
        """Let the next one call. A turn that has lapsed meanwhile is nobody's concern."""


class LocalBudget:
    """The budget within one process: an exact sliding window, thread-safe. ``clock`` counts seconds."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._turns: dict[str, tuple[str, float]] = {}
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

    def take_turn(self, host: str, owner: str, seconds: float) -> float:
        """See :meth:`Budget.take_turn`; threads of one process take what comes first."""
        with self._lock:
            holder, until = self._turns.get(host, ("", 0.0))
            if holder not in ("", owner) and self._clock() < until:
                return TURN_POLL
            self._turns[host] = owner, self._clock() + seconds
            return 0.0

    def end_turn(self, host: str, owner: str) -> None:
        """See :meth:`Budget.end_turn`."""
        with self._lock:
            if self._turns.get(host, ("", 0.0))[0] == owner:
                del self._turns[host]
