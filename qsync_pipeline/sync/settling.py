"""Keeping account of what became of a plan, in the ledger and in counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from qsync_pipeline.core.plan import OUTCOMES, OutcomeCounts
from qsync_pipeline.core.rows import Change, Outcome, RejectionClass
from qsync_pipeline.sync import witness
from qsync_pipeline.sync.run import Run
from qsync_pipeline.transport.errors import OutsideError
from qsync_pipeline.transport.redact import redact


def rejections(
    changes: Sequence[Change], error: OutsideError, error_class: RejectionClass | None = None
) -> list[Outcome]:
    """Changes as rejected by this error, whose own class it is unless another is given."""
    reason = redact(str(error))
    return [Outcome(change, "rejected", reason, error_class or error.rejection_class) for change in changes]


class Tally:
    """The outcomes of one datastore in one write stage. ``unchanged`` starts with what the plan found so."""

    def __init__(self, run: Run, datastore: str, unchanged: Mapping[str, int]) -> None:
        self.run = run
        self.datastore = datastore
        self.counts: OutcomeCounts = {}
        self.reasons: Counter[str] = Counter()
        self.classes: Counter[str] = Counter()
        """Of what was tried and rejected."""
        for surface, number in unchanged.items():
            self._row(surface)["unchanged"] += number

    def settle(
        self,
        outcomes: Sequence[Outcome],
        *,
        actor: str | None = None,
        scored: Mapping[str, float | None] | None = None,
    ) -> None:
        """Put outcomes into the ledger, in one transaction, and count them.

        See :meth:`~qsync_pipeline.ledger.writes.Writes.settle` for ``actor`` and ``scored``.
        """
        if not outcomes:
            return
        run = self.run
        run.ledger.settle(run.run_id, run.name, self.datastore, outcomes, actor=actor, scored=scored)
        witness.leave(run)
        self._count(outcomes)
        self.classes.update(one.error_class for one in outcomes if one.error_class)

    def pass_over(self, changes: Iterable[Change]) -> None:
        """Count the lines that are not to be carried out. They are in the plan, not in the journal."""
        words = {"skipped": "skipped", "waiting": "skipped", "parked": "parked", "refused": "rejected"}
        self._count(
            [
                Outcome(change, words[change.status], change.reason)  # type: ignore[arg-type]  # from the table
                for change in changes
                if change.status in words
            ]
        )

    @property
    def rejected(self) -> int:
        """How many changes were rejected."""
        return sum(row["rejected"] for row in self.counts.values())

    def _count(self, outcomes: Iterable[Outcome]) -> None:
        for outcome in outcomes:
            self._row(outcome.change.surface)[outcome.outcome] += 1
            if outcome.outcome in ("skipped", "rejected", "parked"):
                self.reasons[f"{outcome.outcome}: {outcome.reason}"] += 1

    def _row(self, surface: str) -> dict[str, int]:
        return self.counts.setdefault(surface, dict.fromkeys(OUTCOMES, 0))
