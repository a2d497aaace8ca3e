"""The quality plan of one datastore: the twelve attributes on the catalog's assets (DESIGN.md §5.3)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_EVEN, Decimal
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from qsync_pipeline.core.displaced import REASON, displaced
from qsync_pipeline.core.left import GONE, Leaving, unmatched, why_left
from qsync_pipeline.core.mapping import Snapshot
from qsync_pipeline.core.names import reader_text
from qsync_pipeline.core.rows import (
    DIMENSIONS,
    Action,
    AttributeValue,
    CatalogAsset,
    Change,
    Held,
    Link,
    Status,
    Unit,
    release,
    within,
)
from qsync_pipeline.core.rules import QualityRules


@dataclass
class SurfacePlan(Leaving):
    """The changes of one surface, and counts of what needed none: unchanged, frozen, drift."""

    changes: list[Change] = field(default_factory=list)


def active_only(unit: Unit) -> Unit:
    """The unit with Active anomalies alone counted (``count_acknowledged`` off)."""
    if unit.anomaly_count is None:
        return unit
    checks = tuple(
        msgspec.structs.replace(check, anomalies=check.anomalies - check.acknowledged)
        for check in unit.checks
    )
    active = unit.anomaly_count - (unit.acknowledged_count or 0)
    return msgspec.structs.replace(unit, anomaly_count=active, checks=checks)


def rounded(value: float | None, decimals: int) -> float | None:
    """A score as it is shown: half-even; null stays null."""
    if value is None:
        return None
    step = Decimal(1).scaleb(-decimals)
    return float(Decimal(repr(float(value))).quantize(step, rounding=ROUND_HALF_EVEN))


def attributes_of(unit: Unit, rules: QualityRules) -> dict[str, AttributeValue]:
    """What an asset should show for a unit: each configured attribute, null where nothing was measured."""
    values: dict[str, AttributeValue] = {
        "URL": rules.link(unit),
        "Quality Score Total": rounded(unit.scores.get("total"), rules.decimals),
        "Anomaly Count": unit.anomaly_count,
        "Check Count": unit.check_count,
    }
    for dimension in DIMENSIONS:
        score = rounded(unit.scores.get(dimension), rules.decimals)
        values[f"Quality Score {dimension.capitalize()}"] = score
    return {name: values[name] for name in rules.attributes}


def same_value(left: AttributeValue, right: AttributeValue, decimals: int) -> bool:
    """Whether a reader sees no difference: numbers within half a unit of the last place, text as read."""
    if type(left) is type(right) and left == right:
        return True
    one, other = _seen("" if left is None else str(left)), _seen("" if right is None else str(right))
    if one.number is not None and other.number is not None:
        return abs(one.number - other.number) <= Decimal(1).scaleb(-decimals) / 2
    return one.text == other.text


def as_read(value: Any) -> Any:
    """A value as a reader sees it, to be written again: a rich-text field shows what it holds as HTML."""
    return reader_text(value) if isinstance(value, str) and "<" in value else value


class _Seen(NamedTuple):
    """What a reader sees of a value, and the number that it is, where it is one."""

    text: str
    number: Decimal | None


@lru_cache(maxsize=1 << 14)
def _seen(value: str) -> _Seen:
    """Remembered, because scores and counts are the same few values on hundreds of thousands of objects."""
    text = reader_text(value)
    try:
        number = Decimal(text)
    except ArithmeticError:
        return _Seen(text, None)
    return _Seen(text, number if number.is_finite() else None)


def plan_attributes(
    surface: str,
    units: Sequence[Unit],
    links: Sequence[Link],
    snapshot: Snapshot,
    held: Iterable[Held],
    rules: QualityRules,
    gone_units: Iterable[str] = (),
    presence: Mapping[str, str] | None = None,
) -> SurfacePlan:
    """The attribute changes of one datastore; ``held`` are this integration's holdings of the surface.

    ``gone_units`` are units that Qualytics was proved to have no more; ``presence`` says what became of held
    assets that the snapshot no longer shows.
    """
    planner = _Planner(surface, snapshot, {row.target: row for row in held}, rules)
    by_unit = {unit.id: unit for unit in units}
    claimed: set[str] = set()
    for link in links:
        if link.bucket != "matched":
            planner.plan.freeze(sum(1 for id_ in link.assets if id_ in planner.held), unmatched(link))
            claimed.update(link.assets)
            continue
        for id_ in link.assets:
            claimed.add(id_)
            planner.asset(by_unit[link.unit], link, snapshot.by_id[id_])
    others = displaced(planner.held.values(), links, snapshot, by_unit)
    by_link = {link.unit: link for link in links}
    planner.leftovers(claimed, frozenset(gone_units), others, presence or {}, by_link)
    return planner.plan


class _Planner:
    def __init__(
        self, surface: str, snapshot: Snapshot, held: Mapping[str, Held], rules: QualityRules
    ) -> None:
        self.surface = surface
        self.snapshot = snapshot
        self.held = held
        self.rules = rules
        self.plan = SurfacePlan()

    def asset(self, unit: Unit, link: Link, asset: CatalogAsset) -> None:
        """Compare what should be there, what is, and what we hold, attribute by attribute."""
        row = self.held.get(asset.id)
        ours: dict[str, Any] = dict(row.value or {}) if row else {}
        pending: dict[str, Any] = dict(row.pending or {}) if row and row.has_pending else {}
        stood: dict[str, Any] = row.extra.get("stood", {}) if row else asset.attributes
        if self.rules.adopt:
            # After a lost ledger, by command: what stands under our attributes counts as ours.
            ours, stood = {**stood, **ours}, {}
        before: dict[str, AttributeValue] = {}
        after: dict[str, AttributeValue] = {}
        agreed: dict[str, AttributeValue] = {}
        drifted: list[str] = []
        for name, wanted in attributes_of(unit, self.rules).items():
            actual = asset.attributes.get(name)
            if self._same(wanted, actual):
                if name in pending or not self._same(ours.get(name), actual):
                    agreed[name] = actual
                continue
            baseline = name not in ours and self._same(stood.get(name), actual)
            if wanted is None and baseline:
                continue  # a value that stood there before us is not ours to clear
            expected = baseline or self._same(ours.get(name), actual)
            landed = name in pending and self._same(pending[name], actual)
            if landed and not expected:
                # Taken up before it is changed: should the new write fail, the old value is still ours.
                agreed[name] = actual
            if not expected and not landed:
                drifted.append(name)
                if self.rules.on_drift == "keep":
                    continue
            before[name], after[name] = actual, wanted
        self.plan.counts["drift"] += bool(drifted)
        extra: dict[str, Any] = {**within(unit)}
        if row is None or self.rules.adopt:
            extra["stood"] = {name: v for name, v in stood.items() if name not in agreed | after}
        kept = [name for name in drifted if name not in after]
        if after:
            self._write(unit, asset, before, after, [name for name in drifted if name in after], extra)
        if kept:
            self._kept(asset, link.unit, kept)
        if not after and not kept:
            if row is not None and not any(name in asset.attributes for name in self.rules.attributes):
                self._release(asset.qualified_name, row, "nothing of ours is left")
                return
            self.plan.counts["unchanged"] += not agreed and not pending
        moved = row is not None and row.extra.get("unit") != unit.id and not after
        if agreed or moved or (pending and not after):
            reason = "a run that died had written it" if pending else "stands as it should: taken up"
            self.plan.changes.append(
                asset_change(self.surface, "note", asset, unit.id, {}, agreed, reason, extra)
            )

    def leftovers(
        self,
        claimed: set[str],
        gone_units: frozenset[str],
        others: frozenset[str],
        presence: Mapping[str, str],
        links: Mapping[str, Link],
    ) -> None:
        """Assets that we wrote on and that no unit stands for any more; ``others`` became another's."""
        for target, row in self.held.items():
            if target in claimed:
                continue
            asset = self.snapshot.by_id.get(target)
            if asset is None and presence.get(target) == "gone":
                reason = "the asset was deleted in the catalog"
                self._release(str(row.extra.get("name", target)), row, reason)
            elif (
                asset is not None
                and asset.readable
                and (target in others or row.extra.get("unit") in gone_units)
            ):
                before = {name: v for name, v in asset.attributes.items() if self._is_ours(row, name, v)}
                after = dict.fromkeys(before)
                if after:
                    reason = REASON if target in others else GONE
                    extra = {"stands": _beside(asset, after)}
                    self.plan.changes.append(
                        asset_change(self.surface, "remove", asset, "", before, after, reason, extra)
                    )
                else:
                    self._release(asset.qualified_name, row, "nothing of ours is left")
            else:
                self.plan.freeze(1, why_left(row, asset, links))

    def _is_ours(self, row: Held, name: str, actual: AttributeValue) -> bool:
        """Whether a value stands as we wrote it, confirmed or not; one that a person changed is theirs."""
        wrote = [row.value or {}, row.pending or {}]
        return any(name in values and self._same(values[name], actual) for values in wrote)

    def _same(self, left: AttributeValue, right: AttributeValue) -> bool:
        return same_value(left, right, self.rules.decimals)

    def _write(
        self,
        unit: Unit,
        asset: CatalogAsset,
        before: dict[str, AttributeValue],
        after: dict[str, AttributeValue],
        drifted: Sequence[str],
        extra: Mapping[str, Any],
    ) -> None:
        left = any(name not in after for name in asset.attributes)
        action: Action
        if not asset.attributes:
            action, reason = "create", "not in the catalog yet"
        elif not left and all(value is None for value in after.values()):
            action, reason = "remove", "nothing is measured any more"
        else:
            action, reason = "update", "changed in Qualytics"
        if drifted:
            reason = f"somebody changed {', '.join(drifted)} in the catalog"
        more = {**extra, "stands": _beside(asset, after), **({"drift": True} if drifted else {})}
        self.plan.changes.append(
            asset_change(self.surface, action, asset, unit.id, before, after, reason, more)
        )

    def _kept(self, asset: CatalogAsset, unit: str, drifted: Sequence[str]) -> None:
        reason = f"somebody changed {', '.join(drifted)} in the catalog, and on_drift is keep"
        before = {name: asset.attributes.get(name) for name in drifted}
        self.plan.changes.append(
            asset_change(self.surface, "update", asset, unit, before, {}, reason, status="skipped")
        )

    def _release(self, name: str, row: Held, reason: str) -> None:
        self.plan.changes.append(release(self.surface, row, name, reason))


def _beside(asset: CatalogAsset, after: Mapping[str, Any]) -> dict[str, AttributeValue]:
    """The attributes that a write leaves as they are, for a catalog that can only replace them all."""
    return {name: value for name, value in asset.attributes.items() if name not in after}


def asset_change(
    surface: str,
    action: Action,
    asset: CatalogAsset,
    unit: str,
    before: Any,
    after: Any,
    reason: str,
    extra: Mapping[str, Any] | None = None,
    status: Status = "planned",
    key: str = "",
) -> Change:
    """A change on a catalog asset, with all that a write needs to address it without creating anything."""
    return Change(
        surface,
        action,
        asset.id,
        asset.qualified_name,
        key,
        before=before,
        after=after,
        reason=reason,
        status=status,
        source=unit,
        connection=asset.connection,
        kind=asset.kind,
        extra={
            "qualified_name": asset.qualified_name,
            "name": asset.name,
            "unit": unit,
            "merge": isinstance(after, dict),
            **(extra or {}),
        },
    )
