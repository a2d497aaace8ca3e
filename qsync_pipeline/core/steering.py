"""Tags of ours steered to a given set: how retiring and reverting plan them.

The planner of tags knows what goes along with a tag: the copies that a native tag makes further down, other
integrations that supply it too, tags below that stay for themselves. So what should be there is handed to it
as if the catalog said so, object by object, and only what was asked for is kept of its plan.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace

import msgspec

from qsync_pipeline.core.definitions import DefinitionBook
from qsync_pipeline.core.mapping import Snapshot
from qsync_pipeline.core.names import EVERYTHING
from qsync_pipeline.core.rows import CatalogAsset, Change, Held, Link, TagRef, Unit
from qsync_pipeline.core.tags import SURFACE, plan_tags

Place = tuple[str, str]
"""Unit id and tag key."""

OUT_OF_SIGHT = "Qualytics does not show the object, nor that it is gone: the tag stays"


def steer_tags(
    units: Sequence[Unit],
    names: Mapping[str, str],
    held: Collection[Held],
    book: DefinitionBook,
    presence: Mapping[str, str],
    off: Collection[Place],
    on: Mapping[Place, TagRef],
    reason: Callable[[Place], str],
) -> list[Change]:
    """The lines that take the tags of ours at ``off`` away and put those at ``on`` back.

    ``names`` are the names of the units, for people; ``held`` are the tag holdings of all integrations on the
    datastore; ``presence`` says what became of objects that are not among the units. Definitions that are
    missing come first. A tag that cannot be dealt with comes as a skipped line with its reason.
    """
    rules = replace(
        book.rules,
        allowed=EVERYTHING,
        overwrite=False,
        from_connection=False,
        from_database=False,
        on_drift="keep",
        adopt=False,
    )
    mine = [row for row in held if row.integration == rules.integration]
    wanted: dict[str, dict[str, TagRef]] = {unit.id: {} for unit in units}
    for row in mine:
        if row.target in wanted and (row.target, row.key) not in off:
            wanted[row.target][row.key] = TagRef(str(row.value or row.pending or row.key))
    for (target, key), tag in on.items():
        if target in wanted:
            wanted[target][key] = tag
    assets = [_asset(unit.id, tags.values()) for unit, tags in zip(units, wanted.values(), strict=True)]
    links = [
        Link(unit.id, unit.level, names.get(unit.id, unit.name), "matched", assets=(asset.id,))
        for unit, asset in zip(units, assets, strict=True)
    ]
    plan = plan_tags(units, links, Snapshot(assets), held, book, rules, presence)
    asked = {*off, *on}
    made = {key for (_, key) in on}
    lines = [one for one in plan.definitions if one.action == "create" and one.key in made]
    for change in plan.changes:
        along = bool(change.extra.get("copy_of") or change.extra.get("held_on"))
        if (change.target, change.key) in asked and not along:
            lines.append(_told(change, reason((change.target, change.key))))
        elif along:
            lines.append(msgspec.structs.replace(change, source=""))
    return [*lines, *_unseen(mine, wanted, presence, off)]


def came_along(
    units: Sequence[Unit], off: Collection[Place], on: Collection[Place], ours: Mapping[Place, bool]
) -> set[Place]:
    """Of the places that became ours in a run those whose tag lies below one that goes, and none that stays
    or is put back.

    ``ours`` are all places of ours, each with whether it became so in that run. A tag that was wanted there
    too was there already, as a copy, when its turn came: nothing was written, and nothing is in the journal.
    It goes with the tag above.
    """
    above: dict[str, tuple[str, ...]] = {}
    for unit in units:
        if unit.level == "container":
            above[unit.id] = (f"datastore:{unit.datastore_id}",)
        elif unit.level == "field":
            above[unit.id] = (f"container:{unit.container_id}", f"datastore:{unit.datastore_id}")
    found: set[Place] = set()
    # From the top down: what came along with a tag above goes with it, too.
    for target, key in sorted((one for one, begun in ours.items() if begun), key=lambda one: _depth(one[0])):
        origins = [(one, key) for one in above.get(target, ()) if (one, key) in ours or (one, key) in on]
        if origins and all(one in off or one in found for one in origins):
            found.add((target, key))
    return found


def _depth(unit: str) -> int:
    return ("datastore", "container", "field").index(unit.partition(":")[0])


def _asset(unit: str, tags: Iterable[TagRef]) -> CatalogAsset:
    """What stands for the catalog's word on one unit."""
    return CatalogAsset(f"steered {unit}", "table", "", unit, unit, "", "", tags=tuple(tags))


def _told(change: Change, reason: str) -> Change:
    """The line with the reason why it was asked for, beside the planner's where that says more."""
    if change.action == "remove":
        # What was renamed in the catalog is no matter here: nothing is exempt from anything.
        extra = {name: value for name, value in change.extra.items() if name != "exempt"}
        return msgspec.structs.replace(change, reason=reason, source="", extra=extra)
    if change.action == "create" and change.status == "planned":
        extra = {name: value for name, value in change.extra.items() if name != "drift"}
        return msgspec.structs.replace(change, reason=reason, source="", extra=extra)
    return msgspec.structs.replace(change, source="")


def _unseen(
    mine: Iterable[Held],
    units: Collection[str],
    presence: Mapping[str, str],
    off: Collection[Place],
) -> list[Change]:
    return [
        Change(
            SURFACE,
            "remove",
            row.target,
            row.target,
            row.key,
            before=row.value,
            reason=OUT_OF_SIGHT,
            status="skipped",
        )
        for row in mine
        if row.target not in units and presence.get(row.target) != "gone" and (row.target, row.key) in off
    ]
