"""Claims: which run works on which datastore of which integration. The one lock of ours (DESIGN.md §3)."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from qsync_pipeline.ledger.database import Database
from qsync_pipeline.ledger.schema import claims

_T = claims.c
_THERE = (
    select(claims)
    .where(_T.integration == bindparam("integration"), _T.datastore == bindparam("datastore"))
    .order_by(_T.token)
)
_EXPIRES = select(_T.expires_at).where(_T.token == bindparam("token"))
_RELEASE = delete(claims).where(_T.token == bindparam("token"))


class Claim(msgspec.Struct, frozen=True):
    """A claim that is held. ``token`` is never given twice: it tells a claim from one that took its place."""

    token: int
    integration: str
    datastore: str
    run_id: str
    host: str
    pid: int
    acquired_at: float
    expires_at: float
    ttl: float = 60.0


def process_alive(pid: int) -> bool:
    """Whether a process of this machine lives (one of another user counts)."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


class Claims:
    """Acquires, renews and frees claims.

    Steps of one run each hold a claim of their own, side by side; the place is free for another run when all
    of them are released, expired, or their processes dead.
    """

    def __init__(self, database: Database, alive: Callable[[int], bool] = process_alive) -> None:
        self._db = database
        self._alive = alive

    def acquire(
        self, integration: str, datastore: str, run_id: str, *, host: str, pid: int, ttl: float = 60.0
    ) -> Claim | None:
        """Claim a datastore, or null while another live run has it (:meth:`holder` says which).

        Claims that expired, and those of dead processes on ``host`` (the caller's own), are taken over.
        """
        now = self._db.clock()
        with self._db.write(_lock(integration, datastore)) as connection:
            for row in self._there(connection, integration, datastore):
                dead = row.host == host and row.pid != pid and not self._alive(row.pid)
                if row.expires_at <= now or dead:
                    connection.execute(delete(claims).where(_T.token == row.token))
                elif row.run_id != run_id:
                    return None
            values: dict[str, Any] = {
                "integration": integration,
                "datastore": datastore,
                "run_id": run_id,
                "host": host,
                "pid": pid,
                "acquired_at": now,
                "expires_at": now + ttl,
            }
            made = connection.execute(insert(claims), values).inserted_primary_key
        return Claim(token=int(made[0]) if made else 0, ttl=ttl, **values)  # one row always has a key

    def holder(self, integration: str, datastore: str) -> Claim | None:
        """Who has this datastore now: the oldest unexpired claim, or null."""
        now = self._db.clock()
        with self._db.read() as connection:
            for row in self._there(connection, integration, datastore):
                if row.expires_at > now:
                    return _claim(row)
        return None

    def heartbeat(self, claim: Claim) -> bool:
        """Renew a claim for its ttl. False when it is no longer ours: stop writing."""
        later = update(claims).where(_T.token == claim.token).values(expires_at=self._db.clock() + claim.ttl)
        with self._db.write() as connection:
            return bool(connection.execute(later).rowcount)

    def still_mine(self, claim: Claim) -> bool:
        """The fence before a write: whether nobody took this claim over, and it has not expired."""
        with self._db.read() as connection:
            expires = connection.execute(_EXPIRES, {"token": claim.token}).scalar()
        return expires is not None and expires > self._db.clock()

    def release(self, claim: Claim) -> bool:
        """Give a claim back. False when it had been taken over already; that claim stays."""
        with self._db.write() as connection:
            return bool(connection.execute(_RELEASE, {"token": claim.token}).rowcount)

    def release_run(self, run_id: str) -> int:
        """Give back all claims of a run, and say how many there were."""
        with self._db.write() as connection:
            return connection.execute(delete(claims).where(_T.run_id == run_id)).rowcount

    def free_dead(self, is_alive: Callable[[str, int], bool]) -> list[Claim]:
        """Free every claim whose process (host, pid) is dead, and return them."""
        with self._db.write() as connection:
            held = [_claim(row) for row in connection.execute(select(claims).order_by(_T.token))]
            dead = [claim for claim in held if not is_alive(claim.host, claim.pid)]
            for claim in dead:
                connection.execute(delete(claims).where(_T.token == claim.token))
        return dead

    @staticmethod
    def _there(connection: Connection, integration: str, datastore: str) -> list[Row[Any]]:
        return list(connection.execute(_THERE, {"integration": integration, "datastore": datastore}))


def _claim(row: Row[Any]) -> Claim:
    return Claim(**{column.name: getattr(row, column.name) for column in claims.columns})


def _lock(integration: str, datastore: str) -> str:
    return f"claims:{integration}:{datastore}"
