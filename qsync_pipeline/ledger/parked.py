"""Parked scopes: lines of plans that wait for somebody's approval, and approvals that are under way.

An approval is of lines, not of a scope: what was approved passes the guards of later plans, until it is no
longer planned. So it counts once, and a run that dies in between loses nothing (DESIGN.md §5.5).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from sqlalchemy import Row, bindparam, delete, select, update

from qsync_pipeline.ledger.database import Database
from qsync_pipeline.ledger.jsontext import dump, load, plain_text
from qsync_pipeline.ledger.schema import parked

_T = parked.c
_OF = select(parked).where(_T.integration == bindparam("integration")).order_by(_T.datastore, _T.surface)
_ON = _OF.where(_T.datastore == bindparam("datastore"))
_GET = _ON.where(_T.surface == bindparam("surface"))
_CHANGED = ["items", "reason", "run_id", "code", "lines", "approved", "approved_at"]


class ParkedScope(msgspec.Struct, frozen=True):
    """What waits in one scope, since when, why, and in which run it was last found.

    ``items`` are names, ``lines`` the fingerprints of what waits and ``code`` theirs all together; a scope
    without a code cannot be approved. ``approved`` are fingerprints of lines that may pass.
    """

    integration: str
    datastore: str
    surface: str
    items: tuple[str, ...]
    reason: str
    run_id: str
    at: float
    code: str = ""
    lines: tuple[str, ...] = ()
    approved: tuple[str, ...] = ()
    approved_at: float | None = None

    @property
    def is_approved(self) -> bool:
        """Whether all that waits has been approved, and goes through with the next sync."""
        return bool(self.lines) and set(self.lines) <= set(self.approved)


class Parked:
    """One entry per integration, datastore and surface."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def put(
        self,
        integration: str,
        datastore: str,
        surface: str,
        items: Sequence[str],
        reason: str,
        run_id: str,
        *,
        code: str = "",
        lines: Iterable[str] = (),
        approved: Iterable[str] = (),
        approved_at: float | None = None,
    ) -> None:
        """Park a scope, in place of what was parked there before; the time of the first parking stays.

        Without ``items`` and with ``approved`` ones nothing waits, and the entry keeps the approval alone.
        """
        row = {
            "integration": integration,
            "datastore": datastore,
            "surface": surface,
            "items": dump(list(items)),
            "reason": plain_text(reason),
            "run_id": run_id,
            "at": self._db.clock(),
            "code": code,
            "lines": dump(sorted(lines)),
            "approved": dump(sorted(approved)),
            "approved_at": approved_at,
        }
        with self._db.write() as connection:
            connection.execute(self._db.upsert(parked, _CHANGED), row)

    def approve(self, code: str) -> list[ParkedScope]:
        """Let the lines of every scope with this code pass; returns those scopes, none for an unknown code.

        To approve twice changes nothing.
        """
        if not code:
            return []
        with self._db.write("parked") as connection:
            found = [_scope(row) for row in connection.execute(select(parked).where(_T.code == code))]
            for scope in found:
                if set(scope.lines) <= set(scope.approved):
                    continue
                connection.execute(
                    update(parked)
                    .where(
                        _T.integration == scope.integration,
                        _T.datastore == scope.datastore,
                        _T.surface == scope.surface,
                    )
                    .values(
                        approved=dump(sorted({*scope.approved, *scope.lines})), approved_at=self._db.clock()
                    )
                )
        return found

    def clear(self, integration: str, datastore: str, surface: str | None = None) -> int:
        """Take scopes off the list (all surfaces of the datastore unless one is named); says how many."""
        drop = delete(parked).where(_T.integration == integration, _T.datastore == datastore)
        if surface is not None:
            drop = drop.where(_T.surface == surface)
        with self._db.write() as connection:
            return connection.execute(drop).rowcount

    def of(self, integration: str) -> list[ParkedScope]:
        """What waits for an integration, by datastore and surface."""
        with self._db.read() as connection:
            scopes = [_scope(row) for row in connection.execute(_OF, {"integration": integration})]
        return [scope for scope in scopes if scope.items or not scope.approved]

    def on(self, integration: str, datastore: str) -> dict[str, ParkedScope]:
        """The entries of one datastore by surface, also where nothing waits any more."""
        here = {"integration": integration, "datastore": datastore}
        with self._db.read() as connection:
            return {row.surface: _scope(row) for row in connection.execute(_ON, here)}

    def get(self, integration: str, datastore: str, surface: str) -> ParkedScope | None:
        """The entry of one scope, also where nothing waits in it any more; or null."""
        here = {"integration": integration, "datastore": datastore, "surface": surface}
        with self._db.read() as connection:
            row = connection.execute(_GET, here).first()
        return None if row is None else _scope(row)


def _scope(row: Row[Any]) -> ParkedScope:
    return ParkedScope(
        integration=row.integration,
        datastore=row.datastore,
        surface=row.surface,
        items=tuple(load(row.items)),
        reason=row.reason,
        run_id=row.run_id,
        at=row.at,
        code=row.code,
        lines=tuple(load(row.lines)),
        approved=tuple(load(row.approved)),
        approved_at=row.approved_at,
    )
