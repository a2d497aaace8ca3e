"""The request budget of each host, shared by all processes (DESIGN.md §5.6).

A sliding window: no 60 seconds, wherever they begin, hold more grants than the limit. Each grant is a row
with its time. Above :data:`EXACT_UP_TO` a minute, grants are added up in the row of their second, dated to
its end: a grant then counts for up to a second too long, never too short.
"""

from __future__ import annotations

import math
import socket
from collections.abc import Callable, Mapping

from sqlalchemy import Connection, Table, bindparam, delete, func, select

from qsync_pipeline.ledger.claims import process_alive
from qsync_pipeline.ledger.database import Database, Insert
from qsync_pipeline.ledger.schema import budget_grants, budget_lockouts, leases

WINDOW = 60.0
"""Seconds."""
EXACT_UP_TO = 600
"""Limits a minute up to which each grant has a row of its own."""
TIDY = 10.0
"""Seconds of a caller's clock after which it deletes again what no window reaches any more."""
_MARGIN = 0.001
"""A wait ends this much after the moment that a grant leaves the window, out of reach of rounding."""

TURN_POLL = 0.05
"""Seconds after which to ask again for a turn."""
NEXT_TTL = 2.0
"""Seconds for which the place at the head of the line is kept for one who does not ask again."""

_G = budget_grants.c
_L = budget_lockouts.c

# Built once: these run before every request.
_HERE = _G.host == bindparam("host")
_WITHIN = (_HERE, _G.at >= bindparam("since"), _G.at <= bindparam("ahead"))
_LOCKED = select(_L.until).where(_L.host == bindparam("host")).scalar_subquery()
_OLD = delete(budget_grants).where(_HERE, (_G.at < bindparam("old")) | (_G.at > bindparam("ahead")))
_USED = select(func.coalesce(func.sum(_G.n), 0), _LOCKED).where(*_WITHIN)
_LEASES = select(leases).where(leases.c.name.in_((bindparam("turn"), bindparam("next"))))
_PLACE = delete(leases).where(leases.c.name == bindparam("next"))
_TURN = delete(leases).where(leases.c.name == bindparam("turn"), leases.c.owner == bindparam("mine"))
_ROWS = select(_G.at, _G.n).where(*_WITHIN).order_by(_G.at)


def _grant(insert: Callable[[Table], Insert]) -> Insert:
    add = insert(budget_grants)
    return add.on_conflict_do_update(index_elements=["host", "at"], set_={"n": _G.n + add.excluded.n})


def _lock_out(insert: Callable[[Table], Insert]) -> Insert:
    add = insert(budget_lockouts)
    return add.on_conflict_do_update(
        index_elements=["host"], set_={"until": add.excluded.until}, where=_L.until < add.excluded.until
    )


class LedgerBudget:
    """Grants requests, or says how long to wait. One short transaction each."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._tidied: dict[str, float] = {}

    def reserve(self, host: str, limit: int, now: float) -> float:
        """Take one request of ``limit`` a minute: 0 when granted, else the seconds after which to ask again.

        ``now`` is the caller's clock, seconds since the epoch. A clock that was set back does not block:
        grants that lie more than a window ahead do not count, and are dropped.
        """
        if limit < 1:
            raise ValueError(f"a request budget is at least 1 a minute, not {limit}")
        with self._db.write(f"budget:{host}") as connection:
            window = {"host": host, "since": now - WINDOW, "ahead": now + WINDOW + 1}
            used, until = connection.execute(_USED, window).one()
            if until is not None and until > now:
                return float(until - now)
            if not 0 <= now - self._tidied.get(host, math.inf) < TIDY:
                # Kept for two windows: callers come with clocks that were read in another order, or are a
                # little apart, and each must still find all grants of its own window.
                connection.execute(_OLD, {"host": host, "old": now - 2 * WINDOW, "ahead": window["ahead"]})
                self._tidied[host] = now
            if used >= limit:
                return self._wait(connection, window, int(used) - limit, now)
            at = now if limit <= EXACT_UP_TO else math.floor(now) + 1.0
            connection.execute(self._db.fixed(_grant), {"host": host, "at": at, "n": 1})
        return 0.0

    def lock_out(self, host: str, until: float) -> None:
        """Nobody gets a grant for this host before that time; an earlier, later lock-out stands."""
        with self._db.write(f"budget:{host}") as connection:
            connection.execute(self._db.fixed(_lock_out), {"host": host, "until": until})

    def take_turn(self, host: str, owner: str, seconds: float) -> float:
        """See :meth:`qsync_pipeline.transport.budget.Budget.take_turn`.

        One who finds the turn taken is next, if nobody is yet; and while somebody is next, nobody else gets
        the turn, least of all the one who just had it.
        """
        now = self._db.clock()
        turn, next_ = f"turn:{host}", f"next:{host}"
        with self._db.write(f"turn:{host}") as connection:
            found = connection.execute(_LEASES, {"turn": turn, "next": next_}).all()
            holders = {
                row.name: row.owner
                for row in found
                if row.expires_at > now and row.owner != owner and not _dead(row.owner)
            }
            if next_ in holders:
                return TURN_POLL
            if turn in holders:
                place = {"name": next_, "owner": owner, "expires_at": now + NEXT_TTL}
                connection.execute(self._db.upsert(leases), place)
                return TURN_POLL
            mine = {"name": turn, "owner": owner, "expires_at": now + seconds}
            connection.execute(self._db.upsert(leases), mine)
            connection.execute(_PLACE, {"next": next_})
        return 0.0

    def end_turn(self, host: str, owner: str) -> None:
        """See :meth:`qsync_pipeline.transport.budget.Budget.end_turn`."""
        with self._db.write(f"turn:{host}") as connection:
            connection.execute(_TURN, {"turn": f"turn:{host}", "mine": owner})

    @staticmethod
    def _wait(connection: Connection, window: Mapping[str, object], over: int, now: float) -> float:
        """Until more than ``over`` grants have left the window."""
        left = 0
        for at, n in connection.execute(_ROWS, window):
            left += n
            if left > over:
                return float(max(at + WINDOW - now, 0.0) + _MARGIN)
        return WINDOW


def _dead(owner: str) -> bool:
    """Whether the owner of a turn was a process of this host that is no more."""
    where, _, rest = owner.partition(":")
    pid = rest.partition(":")[0]
    return where == socket.gethostname() and pid.isdigit() and not process_alive(int(pid))
