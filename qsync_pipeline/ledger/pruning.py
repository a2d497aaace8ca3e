"""Forgetting what is old: the journal and the accounts of runs, never what ownership rests on.

Holdings, tag definitions, links, datastores, notes, rejections and parked scopes have no age. A run's
entries in the journal are forgotten together, with the newest of them, so that what is there can be undone.
"""

from __future__ import annotations

import uuid

from sqlalchemy import ColumnElement, Table, and_, delete, exists, func, or_, select, tuple_

from qsync_pipeline.ledger.database import Database
from qsync_pipeline.ledger.events import Events
from qsync_pipeline.ledger.leases import Leases
from qsync_pipeline.ledger.notes import Notes
from qsync_pipeline.ledger.outcomes import FORGOTTEN
from qsync_pipeline.ledger.schema import awaited, lags, outcomes, reports, requests, runs

CHUNK = 5000
"""Rows that one transaction deletes: whoever writes meanwhile waits for no more than that."""
DAY = 86_400.0


class Pruning:
    """Deletes in small transactions, the oldest first."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def daily(self, keep_days: int) -> dict[str, int] | None:
        """Prune once a day, whichever process comes first; null when that was done already."""
        now = self._db.clock()
        # The owner is never the same again, so that nobody renews the lease before the day is over.
        if not Leases(self._db).acquire("pruning", uuid.uuid4().hex, ttl=DAY):
            return None
        return self.prune(now - keep_days * DAY)

    def prune(self, before: float) -> dict[str, int]:
        """Forget what is older than this time; says how many rows of each table.

        Of the reports the newest of each stage and datastore stays, the newest over a whole datastore too:
        checks judge by them.
        """
        forgotten = ~exists().where(reports.c.run_id == requests.c.run_id)
        found = {
            "outcomes": self._journal(before),
            "reports": self._reports(before),
            "events": Events(self._db).prune(before),
            "lags": self._delete(lags, lags.c.at < before),
            "awaited": self._delete(awaited, awaited.c.written_at < before),
            "runs": self._delete(runs, and_(runs.c.ended_at < before, runs.c.started_at < before)),
            "requests": self._delete(requests, and_(forgotten, ~_under_way())),
        }
        return {name: number for name, number in found.items() if number}

    def _journal(self, before: float) -> int:
        """Whole runs only. What is going is noted first: killed amid it, no run passes for a whole one."""
        old = select(outcomes.c.run_id).where(outcomes.c.at < before)
        lasting = select(outcomes.c.run_id).distinct()
        with self._db.read() as connection:
            kept = connection.scalars(
                lasting.where(outcomes.c.run_id.in_(old), outcomes.c.at >= before)
            ).all()
        notes = Notes(self._db)
        if before > notes.get("", FORGOTTEN, 0.0):
            notes.put("", FORGOTTEN, before)
        return self._delete(outcomes, and_(outcomes.c.at < before, outcomes.c.run_id.not_in(kept)))

    def _reports(self, before: float) -> int:
        place = (reports.c.integration, reports.c.stage, reports.c.datastore)
        meant = reports.c.dry_run.is_(False)
        kept = []
        for which in (meant, and_(meant, reports.c.partial.is_(False))):
            newest = select(*place, func.max(reports.c.at)).where(which).group_by(*place)
            kept.append(tuple_(*place, reports.c.at).in_(newest))
        return self._delete(reports, and_(reports.c.at < before, ~or_(*kept)))

    def _delete(self, table: Table, which: ColumnElement[bool]) -> int:
        keys = tuple(table.primary_key.columns)
        key = tuple_(*keys) if len(keys) > 1 else keys[0]
        total = 0
        while True:
            part = select(*keys).where(which).limit(CHUNK)
            with self._db.write() as connection:
                done = connection.execute(delete(table).where(key.in_(part))).rowcount
            total += done
            if done < CHUNK:
                return total


def _under_way() -> ColumnElement[bool]:
    """A run that goes on counts its requests before its stages report."""
    return exists().where(runs.c.run_id == requests.c.run_id, runs.c.ended_at.is_(None))
