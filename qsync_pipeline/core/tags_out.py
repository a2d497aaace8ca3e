"""The plan of tags that go out: Qualytics' own tags onto the catalog's assets (``push_tags``).

Only tags that people made in Qualytics go out; what came from a catalog, whichever, never does. Three-way
like everything else: what Qualytics shows, what stands on the asset, and what the ledger holds as ours. A
person's tag is neither removed nor taken for ours.

Qualytics hands its tags down (qualytics-api.md §2.8) and does not say which of them were handed down. So a
tag goes onto the highest object that carries it, and the same tag below counts as a copy of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from qsync_pipeline.core.displaced import REASON, displaced
from qsync_pipeline.core.left import GONE, UNTOLD, unmatched, why_left
from qsync_pipeline.core.mapping import Snapshot
from qsync_pipeline.core.names import fold, reader_text, tag_key, tag_name
from qsync_pipeline.core.quality import SurfacePlan, asset_change
from qsync_pipeline.core.rows import (
    Action,
    CatalogAsset,
    Held,
    Link,
    Status,
    TagRef,
    Unit,
    is_left_off,
    left_off,
    release,
    within,
)
from qsync_pipeline.core.rules import TagsOutRules

SURFACE = "tags"
"""The name of this surface in every catalog."""

UNREAD = "the tags of the catalog were not read"
"""Why nothing is planned where its definitions are not known."""

MARK = "A tag of Qualytics, put here by qsync."
"""Stands in the description of every definition that we make in a catalog, so that any integration, with or
without a ledger, knows it again. Nothing in it changes when HTML is made of it."""

LAPSED = "its definition was deleted in the catalog: what stands here now was put there by others"
KEPT_OFF = "somebody took it off in the catalog, and on_drift is keep"

PERSONAL = "global"
"""The type of the tags that people make in Qualytics (qualytics-api.md §2.8)."""

Assignment = tuple[str, str]
"""Where a tag is: id of the object, key of the tag."""


def made_by_us(tag: TagRef) -> bool:
    """Whether a tag's definition in the catalog was made by an integration of ours."""
    return tag.description is not None and MARK in tag.description


def description_of(tag: TagRef) -> str:
    """How a definition that we make describes itself: in Qualytics' words, and whose it is."""
    said = reader_text(tag.description)
    return f"{said} ({MARK})" if said else MARK


def without_echoes(assets: Iterable[CatalogAsset], pushed: Collection[Assignment]) -> list[CatalogAsset]:
    """The assets without the tags that came from Qualytics: they must not come back as external tags.

    Those are the assignments that we hold, and every use of a definition that we made, whoever put it there:
    such a tag is Qualytics', and to pull it would turn it into the catalog's.
    """
    kept = []
    for asset in assets:
        tags = tuple(
            tag for tag in asset.tags if not made_by_us(tag) and (asset.id, tag_key(tag.name)) not in pushed
        )
        kept.append(asset if len(tags) == len(asset.tags) else msgspec.structs.replace(asset, tags=tags))
    return kept


def own_tags(unit: Unit, rules: TagsOutRules) -> dict[str, TagRef]:
    """The tags on a unit that people made in Qualytics, by key, as far as the config lets them out."""
    found: dict[str, TagRef] = {}
    for tag in unit.tags:
        name = tag_name(tag.name)
        key = tag_key(name)
        of_a_catalog = key in rules.made or fold(tag.category or "") in rules.ours
        if tag.origin != PERSONAL or (of_a_catalog and key not in rules.shared):
            continue
        # What was pulled is no person's here, and neither are the copies of it further down.
        pulled = any((id_, key) in rules.pulled for id_ in (unit.id, *_above(unit)))
        if not pulled and name and rules.allowed.allows(name):
            found.setdefault(key, tag)
    return found


def _above(unit: Unit) -> tuple[str, ...]:
    """Ids of the units that a unit lies in."""
    if unit.level == "datastore":
        return ()
    datastore = f"datastore:{unit.datastore_id}"
    return (datastore,) if unit.level == "container" else (f"container:{unit.container_id}", datastore)


def plan_tags_out(
    surface: str,
    units: Sequence[Unit],
    links: Sequence[Link],
    snapshot: Snapshot,
    held: Iterable[Held],
    vocabulary: Sequence[TagRef] | None,
    rules: TagsOutRules,
    gone_units: Iterable[str] = (),
    presence: Mapping[str, str] | None = None,
) -> SurfacePlan:
    """The tag changes on the assets of one datastore; the other arguments are as for ``plan_attributes``.

    ``vocabulary`` are all tag definitions of the catalog; null where they could not be read, and then
    nothing is planned at all. Assets that are not ``complete`` are left alone.
    """
    planner = _Planner(surface, units, snapshot, held, vocabulary or (), rules)
    if vocabulary is None:
        planner.plan.freeze(sum(map(len, planner.held.values())), UNREAD)
        return planner.plan
    for link in links:
        planner.link(link)
    planner.leftovers(links, frozenset(gone_units), presence or {})
    return planner.plan


class _Planner:
    def __init__(
        self,
        surface: str,
        units: Sequence[Unit],
        snapshot: Snapshot,
        held: Iterable[Held],
        vocabulary: Sequence[TagRef],
        rules: TagsOutRules,
    ) -> None:
        self.surface = surface
        self.units = {unit.id: unit for unit in units}
        self.snapshot = snapshot
        self.rules = rules
        self.held: dict[str, dict[str, Held]] = defaultdict(dict)
        self.defined: set[str] = set()
        for row in held:
            self.held[row.target][row.key] = row
            if row.extra.get("defined"):
                self.defined.add(row.key)
        self.known = {tag_key(tag.name): tag for tag in vocabulary}
        self.carried = {unit.id: {tag_key(tag.name) for tag in unit.tags} for unit in units}
        self.claimed: set[str] = set()
        self.plan = SurfacePlan()

    def link(self, link: Link) -> None:
        self.claimed.update(link.assets)
        for id_ in link.assets:
            asset = self.snapshot.by_id.get(id_) if link.bucket == "matched" else None
            if asset is None or not (asset.readable and asset.complete):
                why = UNTOLD if link.bucket == "matched" else unmatched(link)
                self.plan.freeze(len(self.held.get(id_, {})), why)
            else:
                self._asset(self.units[link.unit], asset)

    def leftovers(
        self, links: Sequence[Link], gone_units: frozenset[str], presence: Mapping[str, str]
    ) -> None:
        """Assets that we tagged and that no unit stands for any more."""
        everything = [row for rows in self.held.values() for row in rows.values()]
        others = displaced(everything, links, self.snapshot, self.units)
        by_link = {link.unit: link for link in links}
        for row in everything:
            if row.target in self.claimed:
                continue
            asset = self.snapshot.by_id.get(row.target)
            settled = row.target in others or row.extra.get("unit") in gone_units
            if asset is None and presence.get(row.target) == "gone":
                name = str(row.extra.get("qualified_name", row.target))
                self._release(name, row, "the asset was deleted in the catalog")
            elif asset is not None and asset.readable and asset.complete and settled:
                reason = REASON if row.target in others else GONE
                self._take_off(asset, row, reason)
            else:
                untold = asset is not None and asset.readable and not asset.complete
                self.plan.freeze(1, UNTOLD if untold else why_left(row, asset, by_link))

    def _asset(self, unit: Unit, asset: CatalogAsset) -> None:
        rows = self.held.get(asset.id, {})
        carried = own_tags(unit, self.rules)
        for key, tag in carried.items():
            row = rows.get(key)
            # A copy from above is not put there, but what we once put there stays as long as it is carried.
            if row is None and not self.rules.cascaded and self._comes_from_above(unit, key):
                continue
            self._carried(unit, asset, key, tag, row)
        ids = {tag.id for tag in carried.values() if tag.id}
        for key, row in rows.items():
            if key not in carried:
                renamed = row.extra.get("native_id") in ids
                reason = "renamed in Qualytics" if renamed else "no longer on its object in Qualytics"
                self._take_off(asset, row, reason, exempt=renamed)

    def _comes_from_above(self, unit: Unit, key: str) -> bool:
        return any(key in self.carried.get(id_, ()) for id_ in _above(unit))

    def _carried(self, unit: Unit, asset: CatalogAsset, key: str, tag: TagRef, row: Held | None) -> None:
        keep, was_left_off = self.rules.on_drift == "keep", row is not None and is_left_off(row)
        there = tag_named(asset, key) or (our_tag(asset, row) if row is not None else None)
        if row is not None and not was_left_off and there is not None and our_tag(asset, row) is None:
            self._release(asset.qualified_name, row, LAPSED)
            row = None
        name = there.name if there else tag_name(tag.name)
        if there is not None:
            if row is not None and row.has_pending:
                self._add("note", unit, asset, key, tag, name, "a run that died had written it", there)
            elif row is None and self.rules.adopt and made_by_us(there):
                self._add("note", unit, asset, key, tag, name, "made by qsync: taken up", there)
            else:
                self.plan.counts["unchanged"] += 1
            return
        written = row is not None and row.value is not None and not row.has_pending
        drifted = written or was_left_off
        self.plan.counts["drift"] += drifted
        definition = self.known.get(key)
        if row is not None and drifted and keep:
            if not was_left_off:
                self.plan.changes.append(left_off(self.surface, row, asset.qualified_name, KEPT_OFF))
            self._add("create", unit, asset, key, tag, name, KEPT_OFF, definition, "skipped")
            return
        if row is not None and was_left_off:
            self._release(asset.qualified_name, row, "it was left off, and on_drift is keep no more")
        if definition is not None and not self._may_use(key, definition):
            self.plan.counts["clash"] += 1
            reason = f'the catalog has a tag "{definition.name}" of its own, overwrite_tags is off'
            self._add("create", unit, asset, key, tag, definition.name, reason, definition, "skipped")
        else:
            reason = "somebody took it off in the catalog" if drifted else f"on {unit.name} in Qualytics"
            name = definition.name if definition else name
            self._add("create", unit, asset, key, tag, name, reason, definition, drift=drifted)

    def _may_use(self, key: str, definition: TagRef) -> bool:
        """Whether a definition that stands in the catalog may be put on assets by us."""
        return self.rules.overwrite or made_by_us(definition) or key in self.defined

    def _take_off(self, asset: CatalogAsset, row: Held, reason: str, *, exempt: bool = False) -> None:
        there = our_tag(asset, row)
        if there is None:
            self._release(asset.qualified_name, row, "already off")
            return
        extra: dict[str, Any] = {"merge": False, "tag_id": there.id}
        if exempt:
            extra["exempt"] = True
        unit = str(row.extra.get("unit") or "")
        self.plan.changes.append(
            asset_change(self.surface, "remove", asset, unit, there.name, None, reason, extra, key=row.key)
        )

    def _release(self, name: str, row: Held, reason: str) -> None:
        self.plan.changes.append(release(self.surface, row, name, reason))

    def _add(
        self,
        action: Action,
        unit: Unit,
        asset: CatalogAsset,
        key: str,
        tag: TagRef,
        name: str,
        reason: str,
        definition: TagRef | None,
        status: Status = "planned",
        *,
        drift: bool = False,
    ) -> None:
        extra: dict[str, Any] = {"merge": False, "native_id": tag.id, **({"drift": True} if drift else {})}
        if definition is not None:
            extra["tag_id"] = definition.id
        else:
            extra |= {"defined": True, "look": {"color": tag.color, "description": description_of(tag)}}
        extra |= within(unit)
        self.plan.changes.append(
            asset_change(self.surface, action, asset, unit.id, None, name, reason, extra, status, key=key)
        )


def our_tag(asset: CatalogAsset, row: Held) -> TagRef | None:
    """The tag on the asset itself that a holding is of; null where it is left off.

    It is known by the catalog's id, which survives renames and tells it from one that was made anew under its
    name; by name where the holding tells no id, or where a run died that may have put on another.
    """
    if is_left_off(row):
        return None
    id_ = str(row.extra.get("tag_id") or "")
    by_id = next((tag for tag in asset.tags if id_ and tag.id == id_ and tag.origin == "direct"), None)
    sure = id_ and row.pending is None
    return by_id if sure else by_id or tag_named(asset, row.key)


def tag_named(asset: CatalogAsset, key: str) -> TagRef | None:
    """The tag of this name on the asset itself, whoever put it there."""
    return next((tag for tag in asset.tags if tag.origin == "direct" and tag_key(tag.name) == key), None)
