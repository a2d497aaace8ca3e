"""The write protocol: intend, write, settle. Each call is one transaction over a whole batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from qsync_pipeline.core.rows import Change, Outcome
from qsync_pipeline.ledger import holdings as held_rows
from qsync_pipeline.ledger.awaited import await_writes
from qsync_pipeline.ledger.database import Database
from qsync_pipeline.ledger.epoch import advance
from qsync_pipeline.ledger.holding import Holding, intended, is_held, settled
from qsync_pipeline.ledger.holdings import Place, holdings_lock
from qsync_pipeline.ledger.outcomes import Confirmed, append_outcomes
from qsync_pipeline.ledger.rejections import note_rejections

INTENTION = ("value", "pending", "has_pending", "pending_run", "base")
"""What an intention changes of a holding that is there."""


class Writes:
    """Moves holdings and journal together, so that a killed run loses nothing (DESIGN.md §3)."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def intend(self, run_id: str, integration: str, datastore: str, changes: Sequence[Change]) -> None:
        """Record what is about to be written. Notes, and changes that hold nothing, pass by."""
        concerned = [change for change in changes if is_held(change) and change.action != "note"]
        if not concerned:
            return
        now = self._db.clock()
        with self._db.write(holdings_lock(integration)) as connection:
            there = held_rows.load_places(connection, integration, map(_place, concerned))
            for change in concerned:
                place = _place(change)
                there[place] = intended(
                    there.get(place),
                    change,
                    integration=integration,
                    datastore=datastore,
                    run_id=run_id,
                    now=now,
                )
            held_rows.store(self._db, connection, there.values(), INTENTION)

    def settle(
        self,
        run_id: str,
        integration: str,
        datastore: str,
        outcomes: Sequence[Outcome],
        *,
        actor: str | None = None,
        scored: Mapping[str, float | None] | None = None,
    ) -> None:
        """Record what became of it: holdings, the journal and the standing rejections.

        ``actor`` is who the written system says we are. ``scored`` names the targets that are to be read
        again later, with the time at which Qualytics recorded what was written (null: not known); a write is
        confirmed only then. Null means that the answer to the write was the object as it is now: what was
        applied is confirmed at once. See :func:`~qsync_pipeline.ledger.holding.settled` for what each
        outcome does to a holding. Works without a preceding :meth:`intend` too (notes, parked items).
        """
        if not outcomes:
            return
        now = self._db.clock()
        concerned = [outcome for outcome in outcomes if is_held(outcome.change)]
        with self._db.write(holdings_lock(integration)) as connection:
            there = held_rows.load_places(connection, integration, (_place(o.change) for o in concerned))
            after: dict[Place, Holding | None] = dict(there)
            for outcome in concerned:
                place = _place(outcome.change)
                after[place] = settled(
                    after.get(place),
                    outcome,
                    integration=integration,
                    datastore=datastore,
                    run_id=run_id,
                    actor=actor,
                    now=now,
                )
            if scored is not None:
                for outcome in concerned:
                    row = after[_place(outcome.change)]
                    if row is not None and _written(outcome):
                        after[_place(outcome.change)] = msgspec.structs.replace(row, confirmed_at=None)
            changed = [held for place, held in after.items() if held is not None and held != there.get(place)]
            held_rows.store(self._db, connection, changed)
            gone = [place for place in there if after[place] is None]
            held_rows.drop_places(connection, integration, gone)
            words = {place: _word(outcome, scored) for place, outcome in enumerate(outcomes)}
            ids = append_outcomes(
                connection, run_id, integration, datastore, outcomes, now, actor=actor or "", words=words
            )
            if scored is not None:
                await_writes(self._db, connection, run_id, integration, datastore, outcomes, ids, scored, now)
            advance(self._db, connection)
            note_rejections(self._db, connection, integration, datastore, outcomes, now)


def _written(outcome: Outcome) -> bool:
    return outcome.outcome == "applied" and outcome.change.action != "note"


def _word(outcome: Outcome, scored: Mapping[str, float | None] | None) -> Confirmed:
    if not _written(outcome):
        return ""
    if scored is None:
        return "seen"
    return "waiting" if outcome.change.target in scored else ""


def _place(change: Change) -> Place:
    return (change.surface, change.target, change.key)
