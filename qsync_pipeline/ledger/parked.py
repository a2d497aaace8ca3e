"""Parked scopes: removals that wait for somebody's approval (DESIGN.md §5.5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Row, delete, select

from qsync_pipeline.ledger.database import Database
from qsync_pipeline.ledger.jsontext import dump, load, plain_text
from qsync_pipeline.ledger.schema import parked

_T = parked.c


class ParkedScope(msgspec.Struct, frozen=True):
    """What waits in one scope, since when, why, and in which run it was last found. ``items`` are names."""

    integration: str
    datastore: str
    surface: str
    items: tuple[str, ...]
    reason: str
    run_id: str
    at: float


class Parked:
    """One entry per integration, datastore and surface."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def put(
        self, integration: str, datastore: str, surface: str, items: Sequence[str], reason: str, run_id: str
    ) -> None:
        """Park a scope, in place of what was parked there before; the time of the first parking stays."""
        row = {
            "integration": integration,
            "datastore": datastore,
            "surface": surface,
            "items": dump(list(items)),
            "reason": plain_text(reason),
            "run_id": run_id,
            "at": self._db.clock(),
        }
        with self._db.write() as connection:
            connection.execute(self._db.upsert(parked, ["items", "reason", "run_id"]), row)

    def clear(self, integration: str, datastore: str, surface: str | None = None) -> int:
        """Take scopes off the list (all surfaces of the datastore unless one is named); says how many."""
        drop = delete(parked).where(_T.integration == integration, _T.datastore == datastore)
        if surface is not None:
            drop = drop.where(_T.surface == surface)
        with self._db.write() as connection:
            return connection.execute(drop).rowcount

    def of(self, integration: str) -> list[ParkedScope]:
        """What is parked for an integration, by datastore and surface."""
        query = select(parked).where(_T.integration == integration).order_by(_T.datastore, _T.surface)
        with self._db.read() as connection:
            return [_scope(row) for row in connection.execute(query)]


def _scope(row: Row[Any]) -> ParkedScope:
    return ParkedScope(
        integration=row.integration,
        datastore=row.datastore,
        surface=row.surface,
        items=tuple(load(row.items)),
        reason=row.reason,
        run_id=row.run_id,
        at=row.at,
    )
