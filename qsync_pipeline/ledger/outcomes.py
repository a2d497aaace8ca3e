"""The journal of outcomes, append only, and what stands rejected now.

Objects that were found unchanged are not journalled one by one; the reports hold their counts.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, delete, func, insert, select, tuple_

from qsync_pipeline.core.rows import Outcome
from qsync_pipeline.ledger.database import Database, chunks
from qsync_pipeline.ledger.holdings import Place
from qsync_pipeline.ledger.jsontext import dump, load, payload_hash, plain_text
from qsync_pipeline.ledger.schema import outcomes, rejections

_O = outcomes.c
_R = rejections.c


class JournalEntry(msgspec.Struct, frozen=True):
    """What became of one change, for good. ``id`` rises with time."""

    id: int
    run_id: str
    at: float
    integration: str
    datastore: str
    surface: str
    target: str
    name: str
    key: str
    action: str
    before: Any
    after: Any
    outcome: str
    reason: str
    error_class: str


class Rejection(msgspec.Struct, frozen=True):
    """The last refusal of an item that was not applied since. ``payload_hash`` is that of its ``after``."""

    payload_hash: str
    error_class: str
    at: float
    reason: str = ""


class Journal:
    """Queries on the journal."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def of_run(self, run_id: str, *, integration: str | None = None) -> list[JournalEntry]:
        """Everything that one run did, in order."""
        query = select(*(_O[name] for name in JournalEntry.__struct_fields__)).where(_O.run_id == run_id)
        if integration is not None:
            query = query.where(_O.integration == integration)
        with self._db.read() as connection:
            rows = connection.execute(query.order_by(_O.id)).all()
        entries = (JournalEntry(*row) for row in rows)
        return [
            msgspec.structs.replace(entry, before=load(entry.before), after=load(entry.after))
            for entry in entries
        ]

    def counts(self, run_ids: Collection[str]) -> dict[str, dict[str, dict[str, int]]]:
        """``{integration: {surface: {outcome: n}}}``, added up over these runs."""
        counts: dict[str, dict[str, dict[str, int]]] = {}
        with self._db.read() as connection:
            for part in chunks(set(run_ids)):
                query = (
                    select(_O.integration, _O.surface, _O.outcome, func.count())
                    .where(_O.run_id.in_(part))
                    .group_by(_O.integration, _O.surface, _O.outcome)
                )
                for integration, surface, outcome, n in connection.execute(query):
                    of_surface = counts.setdefault(integration, {}).setdefault(surface, {})
                    of_surface[outcome] = of_surface.get(outcome, 0) + n
        return counts

    def latest_rejections(self, integration: str, datastore: str) -> dict[Place, Rejection]:
        """What stands rejected: ``{(surface, target, key): Rejection}``, for the retry rule (DESIGN.md §5.5).

        An item leaves the list when it is applied, or found to be as it should. Skipping it leaves it there.
        """
        query = select(rejections).where(_R.integration == integration, _R.datastore == datastore)
        with self._db.read() as connection:
            return {
                (row.surface, row.target, row.key): Rejection(
                    payload_hash=row.payload_hash, error_class=row.error_class, at=row.at, reason=row.reason
                )
                for row in connection.execute(query)
            }

    def stands_rejected(self, integration: str, error_class: str, datastores: Collection[str]) -> bool:
        """Whether anything in these datastores stands rejected for this class of reason."""
        mine = (_R.integration == integration, _R.error_class == error_class)
        with self._db.read() as connection:
            return any(
                connection.execute(select(_R.target).where(*mine, _R.datastore.in_(part)).limit(1)).first()
                for part in chunks(set(datastores))
            )

    def prune(self, before: float) -> int:
        """Drop entries older than this time, and say how many. Holdings and rejections stay."""
        with self._db.write() as connection:
            return connection.execute(delete(outcomes).where(_O.at < before)).rowcount


def append_outcomes(
    connection: Connection,
    run_id: str,
    integration: str,
    datastore: str,
    settled: Sequence[Outcome],
    now: float,
) -> None:
    """Append all but the unchanged to the journal, on an open transaction."""
    rows = [
        {
            "run_id": run_id,
            "at": now,
            "integration": integration,
            "datastore": datastore,
            "surface": outcome.change.surface,
            "target": outcome.change.target,
            "name": plain_text(outcome.change.name),
            "key": outcome.change.key,
            "action": outcome.change.action,
            "before": dump(outcome.change.before),
            "after": dump(outcome.change.after),
            "outcome": outcome.outcome,
            "reason": plain_text(outcome.reason),
            "error_class": outcome.error_class,
        }
        for outcome in settled
        if outcome.outcome != "unchanged"
    ]
    if rows:
        connection.execute(insert(outcomes), rows)


def note_rejections(
    database: Database,
    connection: Connection,
    integration: str,
    datastore: str,
    settled: Sequence[Outcome],
    now: float,
) -> None:
    """Bring the standing rejections up to date, on an open transaction."""
    latest = {(o.change.surface, o.change.target, o.change.key): o for o in settled}
    rejected = [
        {
            "integration": integration,
            "datastore": datastore,
            "surface": place[0],
            "target": place[1],
            "key": place[2],
            "payload_hash": payload_hash(outcome.change.after),
            "error_class": outcome.error_class,
            "reason": plain_text(outcome.reason),
            "at": now,
        }
        for place, outcome in sorted(latest.items())
        if outcome.outcome == "rejected"
    ]
    here = (_R.integration == integration, _R.datastore == datastore)
    standing = connection.execute(select(_R.surface, _R.target, _R.key).where(*here)).all()
    done = [
        tuple(place)
        for place in standing
        if (outcome := latest.get(tuple(place))) and outcome.outcome in ("applied", "unchanged")
    ]
    for part in chunks(done, 150):
        connection.execute(delete(rejections).where(*here, tuple_(_R.surface, _R.target, _R.key).in_(part)))
    if rejected:
        connection.execute(database.upsert(rejections), rejected)
