"""What a run says that it wrote, held against what stands there when it ends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from qsync_pipeline.ledger.outcomes import JournalEntry, Query
from qsync_pipeline_tests.e2e.trees import tag_key
from qsync_pipeline_tests.histories.driver import Ran
from qsync_pipeline_tests.histories.laws import Seen
from qsync_pipeline_tests.histories.world import Json, World

PULLED = "external_tags"
"""The surface of tags in Qualytics; all others are the catalog's."""
ALERTS = ("announcements", "trust_flags")
VALUES = ("custom_metadata", "custom_fields")


class Claims:
    """The journal of one history."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._disturbed_at: int | None = None
        """The newest entry when somebody acted in the middle of the run."""

    def disturbed(self) -> None:
        """Somebody acts in the middle of a run."""
        newest = self._world.ledger.outcomes.find(Query(), limit=1)
        self._disturbed_at = newest[0].id if newest else 0

    def false(self, catalog: str, ran: Ran, after: Seen) -> Iterator[str]:
        """What the journal says was written, and what does not stand there when the run ends.

        Where somebody acted in the middle: of what was settled after that, and so read back after that. In
        Qualytics the answer to a write is what confirms it, and nobody comes in between.
        """
        since, self._disturbed_at = self._disturbed_at, None
        last: dict[tuple[str, str, str], JournalEntry] = {}
        for entry in self._world.ledger.outcomes.of_run(ran.run_id):
            last[entry.surface, entry.target, entry.key] = entry
        entries = {(system, one["id"]): one for system, found in after.shown.items() for one in found}
        for (surface, target, _), entry in last.items():
            shown = entries.get(("qualytics" if surface == PULLED else catalog, target))
            if entry.outcome != "applied" or entry.action == "note" or shown is None:
                continue
            if since is not None and (surface == PULLED or entry.id <= since):
                continue
            if not _stands(shown, entry):
                yield f"{shown['name']}: the journal says that {surface} is {entry.after}: it is not"


def _stands(shown: Json, entry: JournalEntry) -> bool:
    """Whether an object shows what a write was to leave there."""
    if entry.surface == PULLED:
        if entry.after is not None:
            return entry.key in {tag_key(tag["name"]) for tag in shown["tags"]}
        return entry.before not in {tag["name"] for tag in shown["tags"] if tag["origin"] != "propagated"}
    if entry.surface in VALUES:
        return all(_same(value, shown["attributes"].get(name)) for name, value in (entry.after or {}).items())
    if entry.surface in ALERTS:
        alert = shown["alert"]
        return alert is not None if entry.after is not None else alert is None or alert["by"] == "person"
    return True


def _same(left: Any, right: Any) -> bool:
    try:
        return abs(float(left) - float(right)) <= 0.05
    except (TypeError, ValueError):
        return str(left) == str(right)
