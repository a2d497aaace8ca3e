"""Reading again what was written: only what the catalog then shows counts as written (DESIGN.md §5.5)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from qsync_pipeline.catalogs.base import Role
from qsync_pipeline.core.rows import CatalogAsset, Change, Outcome
from qsync_pipeline.sync.confirming import SAMPLE, shows
from qsync_pipeline.sync.run import Run


class ReadBack:
    """What a run writes on one datastore's assets, read again by id; ``roles`` are those of the surfaces."""

    def __init__(self, run: Run, roles: Mapping[str, Role]) -> None:
        self._run = run
        self._roles = roles
        self._read = 0

    def of(
        self, outcomes: Sequence[Outcome]
    ) -> tuple[list[Outcome], Collection[CatalogAsset], frozenset[Role]]:
        """The outcomes by what is shown now, the assets as they were read, and of which surfaces.

        Of many changes only as much is read as the setting asks for.
        """
        how = self._run.integration.read_back
        applied = sorted({one.change.target for one in outcomes if _claimed(one)})
        most = {"none": 0, "sample": max(SAMPLE - self._read, 0)}.get(how, len(applied))
        asked = set(applied[:most])
        if not asked:
            return list(outcomes), (), frozenset()
        self._read += len(asked)
        roles = frozenset(self._roles[one.change.surface] for one in outcomes if _claimed(one))
        fresh = self._run.catalog.reread(sorted(asked), roles=roles)
        read = [
            self._confirmed(one, fresh.get(one.change.target)) if one.change.target in asked else one
            for one in outcomes
        ]
        return read, fresh.values(), roles

    def agrees(self, change: Change, asset: CatalogAsset) -> bool:
        """Whether an asset shows what a change was to bring about."""
        return shows(
            self._roles[change.surface],
            asset,
            before=change.before,
            after=change.after,
            key=change.key,
            decimals=self._run.integration.decimals,
        )

    def _confirmed(self, outcome: Outcome, asset: CatalogAsset | None) -> Outcome:
        change = outcome.change
        if not _claimed(outcome):
            return outcome
        if asset is None:
            return Outcome(change, "rejected", "read back, the asset is out of sight", "conflict")
        if self.agrees(change, asset):
            return outcome
        return Outcome(change, "rejected", "read back, the asset shows something else", "conflict")


def _claimed(outcome: Outcome) -> bool:
    """Whether the catalog says that it stands there now: written, or there before without another reason.

    The plan found a difference, so an answer that passes a change over proves nothing by itself.
    """
    return outcome.outcome == "applied" or (outcome.outcome == "unchanged" and not outcome.reason)
