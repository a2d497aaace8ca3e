"""The tag plan of one datastore as a value, and what takes lines out of it again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

import msgspec

from qsync_pipeline.core.left import Leaving
from qsync_pipeline.core.rows import Change


@dataclass
class TagPlan(Leaving):
    """Changes in the order in which they must happen, and counts of what needed none.

    ``counts`` has ``unchanged`` (assignments that stand), ``frozen`` (ours, kept because nothing is proved),
    ``drift`` (ours, taken off by somebody in Qualytics) and ``unowned`` (of a definition of ours, but not in
    the ledger: a person's, or ours before the ledger was lost).
    """

    definitions: list[Change] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)


def without_datastore(plan: TagPlan) -> tuple[TagPlan, list[Change]]:
    """The plan without what concerns the datastore itself, the copies that go with it, and definitions that
    only that needs; and the removals that are left out.

    A copy stays as long as its origin: one that a person puts there in between could not be told from it.
    """
    going = {one.key for one in plan.changes if one.action == "remove" and _on_a_datastore(one)}
    changes: list[Change] = []
    left_out: list[Change] = []
    for change in plan.changes:
        goes_along = change.action == "remove" and "copy_of" in change.extra and change.key in going
        if not goes_along and not _on_a_datastore(change):
            changes.append(change)
        elif change.action == "remove":
            left_out.append(change)
    assigned = {change.key for change in changes if change.action == "create"}
    definitions = [one for one in plan.definitions if one.action != "create" or one.key in assigned]
    return replace(plan, definitions=definitions, changes=changes), left_out


def _on_a_datastore(change: Change) -> bool:
    return change.target.startswith("datastore:")


def without_needless(
    changes: Sequence[Change], settled: Collection[tuple[str, str]]
) -> tuple[list[Change], int]:
    """The plan without what is held on to where the same tag above does not go after all (it waits, or is
    left), and how many lines that were. ``settled`` holdings (object, key) say all there is to say of them;
    others are noted as ours without a write."""
    going = {(one.target, one.key) for one in changes if one.action == "remove" and one.status == "planned"}
    kept: list[Change] = []
    for change in changes:
        above = change.extra.get("held_on")
        if not above or any((one, change.key) in going for one in above):
            kept.append(change)
        elif (change.target, change.key) not in settled and change.extra.get("hold", True):
            kept.append(msgspec.structs.replace(change, action="note"))
    return kept, len(changes) - len(kept)
